INSERT INTO contacts VALUES (1, 'Ann', '+1', 'm'), (2, 'Bob', '+2', 'm'), (3, 'Cyd', '+3', 'm'), (4, 'Dee', '+4', 'n');
-- wait
SET SESSION binlog_row_image = 'MINIMAL';
UPDATE contacts SET name = 'old' WHERE id = 1;
UPDATE contacts SET name = 'old' WHERE id = 2;
UPDATE contacts SET name = 'old' WHERE id = 3;
SET SESSION binlog_row_image = 'FULL';
UPDATE contacts SET name = 'new' WHERE id = 1;
UPDATE contacts SET id = 20 WHERE id = 2;
UPDATE contacts SET id = 2 WHERE id = 4;
DELETE FROM contacts WHERE id = 3;
INSERT INTO contacts VALUES (30, 'Eve', '+5', 'n');
UPDATE contacts SET id = 3 WHERE id = 30;
SET SESSION binlog_row_image = 'MINIMAL';
UPDATE contacts SET note = 'n' WHERE id = 1;
