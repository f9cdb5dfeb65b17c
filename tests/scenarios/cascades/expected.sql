SELECT id, name FROM customers ORDER BY id;
-- 22 | Bob
SELECT id, customer, what FROM orders ORDER BY id;
-- 20 | 22 | cable
