SELECT id, name FROM customers ORDER BY id;
-- 1 | Ann
-- 4 | Dee
SELECT id, customer FROM orders ORDER BY id;
-- 10 | 1
-- 21 | 1
-- 30 | 4
-- 40 | 4
SELECT orders, line, what FROM order_lines ORDER BY 1;
-- 10 | 1 | phone
-- 21 | 1 | cable
