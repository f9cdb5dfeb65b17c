INSERT INTO contacts VALUES (1, 'o', 'Ann'), (2, 'o', 'Bob');
ALTER TABLE contacts DROP COLUMN old;
INSERT INTO contacts VALUES (3, 'Cyd');
UPDATE contacts SET name = 'Anna' WHERE id = 1;
