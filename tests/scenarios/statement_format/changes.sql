INSERT INTO items VALUES (1, 'a row');
-- wait
SET SESSION binlog_format = 'STATEMENT';
INSERT INTO items VALUES (2, 'a statement');
SET SESSION binlog_format = 'ROW';
INSERT INTO items VALUES (3, 'another row');
