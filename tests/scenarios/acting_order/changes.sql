INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cleo'), (4, 'Dan');
INSERT INTO orders VALUES (10, 1), (11, 1), (30, 3), (40, 4);
-- wait
-- on target
UPDATE orders SET remark = 'kept';
INSERT INTO order_lines VALUES (10, 1), (11, 1), (30, 1), (40, 1);
-- on source
BEGIN;
UPDATE orders SET customer = 2 WHERE id = 10;
DELETE FROM customers WHERE id = 1;
UPDATE customers SET name = 'Bobby' WHERE id = 2;
COMMIT;
BEGIN;
DELETE FROM customers WHERE id = 3;
INSERT INTO orders VALUES (30, 2);
UPDATE customers SET name = 'Rob' WHERE id = 2;
COMMIT;
BEGIN;
UPDATE orders SET customer = 2 WHERE id = 40;
UPDATE customers SET id = 5 WHERE id = 4;
INSERT INTO orders VALUES (41, 5);
COMMIT;
