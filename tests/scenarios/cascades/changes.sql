INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
INSERT INTO orders VALUES (10, 1, 'phone'), (11, 1, 'case'), (20, 2, 'cable');
-- wait
DELETE FROM customers WHERE id = 1;
UPDATE customers SET id = 22 WHERE id = 2;
