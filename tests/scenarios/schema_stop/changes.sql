INSERT INTO contacts VALUES (1, 'Ann');
INSERT INTO contacts VALUES (2, 'Bob');
ALTER TABLE contacts ADD COLUMN phone varchar(20);
INSERT INTO contacts VALUES (3, 'Cyd', '+3');
UPDATE contacts SET name = 'Anna' WHERE id = 1;
