INSERT INTO contacts VALUES (1, 'Ann');
-- on target
ALTER TABLE contacts ADD COLUMN phone varchar(20);
-- on source
ALTER TABLE contacts ADD COLUMN phone varchar(20);
INSERT INTO contacts VALUES (2, 'Bob', '+2');
UPDATE contacts SET phone = '+1' WHERE id = 1;
-- restart
UPDATE contacts SET name = 'Bobby' WHERE id = 2;
