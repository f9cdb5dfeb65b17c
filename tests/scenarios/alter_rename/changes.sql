INSERT INTO contacts VALUES (1, 'Ann');
-- wait
ALTER TABLE contacts RENAME COLUMN name TO full_name;
INSERT INTO contacts VALUES (2, 'Bob');
