INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cleo'), (4, 'Dan');
INSERT INTO orders VALUES (10, 1, 'phone'), (11, 1, 'case'), (20, 2, 'cable'), (30, 3, 'plug'), (40, NULL, 'none');
INSERT INTO items VALUES (10, 1, 'a'), (10, 2, 'b'), (11, 1, 'c'), (20, 1, 'd'), (30, 1, 'e'), (40, 1, 'f');
INSERT INTO notes VALUES (1, 1, 'first'), (2, 2, 'second'), (3, NULL, 'third');
INSERT INTO staff VALUES (1, NULL), (2, 1), (3, 2), (4, 3), (5, NULL), (6, 5);
-- wait
DELETE FROM customers WHERE id = 1;
UPDATE customers SET id = 22 WHERE id = 2;
UPDATE orders SET id = 200 WHERE id = 20;
DELETE FROM staff WHERE id = 2;
-- wait
BEGIN;
INSERT INTO orders VALUES (31, 3, 'gone');
DELETE FROM customers WHERE id = 3;
INSERT INTO customers VALUES (3, 'Cleo again');
INSERT INTO orders VALUES (32, 3, 'stays');
INSERT INTO items VALUES (32, 1, 'stays');
INSERT INTO staff VALUES (7, 5);
DELETE FROM staff WHERE id = 5;
INSERT INTO staff VALUES (5, NULL), (7, 5);
COMMIT;
INSERT INTO orders VALUES (50, 4, 'late');
DELETE FROM customers WHERE id = 4;
INSERT INTO customers VALUES (4, 'Dan again');
INSERT INTO orders VALUES (51, 4, 'new');
