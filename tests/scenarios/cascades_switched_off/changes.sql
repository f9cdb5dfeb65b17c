INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cleo'), (4, 'Dan');
INSERT INTO orders VALUES (10, 1, 'phone'), (20, 2, 'case'), (30, 3, 'cable'), (40, 4, 'plug');
-- wait
SET foreign_key_checks = 0;
DELETE FROM customers WHERE id = 1;
BEGIN;
UPDATE customers SET id = 22 WHERE id = 2;
SET foreign_key_checks = 1;
DELETE FROM customers WHERE id = 3;
SET foreign_key_checks = 0;
INSERT INTO customers VALUES (3, 'Cleo again');
COMMIT;
SET foreign_key_checks = 1;
UPDATE customers SET id = 44 WHERE id = 4;
