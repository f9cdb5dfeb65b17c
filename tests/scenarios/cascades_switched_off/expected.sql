SELECT id, name FROM customers ORDER BY id;
-- 3 | Cleo again
-- 22 | Bob
-- 44 | Dan
SELECT id, customer, what FROM orders ORDER BY id;
-- 10 | 1 | phone
-- 20 | 2 | case
-- 40 | 44 | plug
