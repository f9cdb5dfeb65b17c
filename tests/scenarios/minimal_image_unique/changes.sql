SET SESSION binlog_row_image = 'MINIMAL';
INSERT INTO contacts VALUES (1, 'Ann', '+1', 'n'), (2, 'Bob', '+2', 'n'), (3, 'Cyd', '+3', 'n');
-- wait
UPDATE contacts SET phone = '+11' WHERE id = 1;
UPDATE contacts SET id = 101 WHERE id = 1;
UPDATE contacts SET phone = '+22' WHERE id = 2;
DELETE FROM contacts WHERE id = 3;
UPDATE contacts SET phone = '+77' WHERE id = 7;
