INSERT INTO contacts VALUES (1, 'Ann', 'a');
ALTER TABLE contacts ADD COLUMN level integer NOT NULL DEFAULT 7;
INSERT INTO contacts VALUES (2, 'Bob', 'b', 8);
ALTER TABLE contacts ALTER COLUMN name TYPE varchar(40);
INSERT INTO contacts VALUES (3, 'a long name that is', 'c', 9);
ALTER TABLE contacts RENAME COLUMN name TO full_name;
UPDATE contacts SET full_name = 'another name that is' WHERE id = 1;
-- restart
ALTER TABLE contacts ALTER COLUMN code DROP NOT NULL;
INSERT INTO contacts VALUES (4, 'Dan', NULL, 10);
