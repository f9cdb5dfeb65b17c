SET SESSION binlog_row_image = 'MINIMAL';
INSERT INTO contacts VALUES (1, 'Ann', '+1', 'n'), (2, 'Bob', '+2', 'n'), (3, 'Cyd', '+3', 'n'), (4, 'Dee', '+4', 'n');
-- wait
UPDATE contacts SET phone = '+11' WHERE id = 1;
UPDATE contacts SET id = 101 WHERE id = 1;
UPDATE contacts SET phone = '+22' WHERE id = 2;
UPDATE contacts SET id = 102 WHERE id = 2;
UPDATE contacts SET id = 202 WHERE id = 102;
UPDATE contacts SET phone = '+33' WHERE id = 3;
UPDATE contacts SET id = 103 WHERE id = 3;
DELETE FROM contacts WHERE id = 103;
UPDATE contacts SET phone = '+77' WHERE id = 7;
UPDATE contacts SET id = 107 WHERE id = 7;
UPDATE contacts SET phone = '+88' WHERE id = 8;
UPDATE contacts SET id = 108, note = 'm' WHERE id = 8;
UPDATE contacts SET phone = '+44', note = 'm' WHERE id = 4;
UPDATE contacts SET id = 104 WHERE id = 4;
UPDATE contacts SET note = 'n' WHERE id = 104;
