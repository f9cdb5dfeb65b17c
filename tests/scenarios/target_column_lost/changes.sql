INSERT INTO contacts VALUES (1, 'Ann', '+1');
-- wait
-- on target
ALTER TABLE contacts DROP COLUMN phone;
-- on source
-- restart
INSERT INTO contacts VALUES (2, 'Bob', '+2');
-- restart
