INSERT INTO contacts VALUES (1, 'Ann', '+1'), (2, 'Bob', '+2'), (3, 'Cyd', '+3');
-- wait
UPDATE contacts SET phone = '+11', name = 'Anna' WHERE id = 1;
UPDATE contacts SET id = 20 WHERE id = 2;
DELETE FROM contacts WHERE id = 3;
