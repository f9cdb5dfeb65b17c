INSERT INTO contacts VALUES (1, 'Ann', '+1', 's'), (2, 'Bob', '+2', 's'), (3, 'Cyd', '+3', 's');
-- wait
-- on target
UPDATE customers SET own = 'kept' WHERE number = 2;
-- on source
UPDATE contacts SET name = 'Bobby' WHERE id = 2;
UPDATE contacts SET secret = 't' WHERE id = 1;
UPDATE contacts SET id = 30 WHERE id = 3;
