BEGIN;
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO orders VALUES (10, 1), (20, 2), (21, 2);
INSERT INTO order_lines VALUES (10, 1, 'phone'), (20, 1, 'case'), (21, 1, 'cable');
COMMIT;
INSERT INTO customers VALUES (3, 'Cyd');
INSERT INTO orders VALUES (30, 3);
-- wait
-- a customer with orders leaves, one order changes hands first
BEGIN;
UPDATE orders SET customer = 1 WHERE id = 21;
DELETE FROM order_lines WHERE orders = 20;
DELETE FROM orders WHERE id = 20;
DELETE FROM customers WHERE id = 2;
INSERT INTO customers VALUES (4, 'Dee');
INSERT INTO orders VALUES (40, 4);
UPDATE orders SET customer = 4 WHERE id = 30;
DELETE FROM customers WHERE id = 3;
COMMIT;
