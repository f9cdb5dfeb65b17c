SELECT id, name FROM customers ORDER BY id;
-- 3 | Cleo again
-- 4 | Dan again
-- 22 | Bob
SELECT id, customer, what FROM orders ORDER BY id;
-- 32 | 3 | stays
-- 40 | NULL | none
-- 51 | 4 | new
-- 200 | 22 | cable
SELECT order_id, line, item FROM items ORDER BY order_id;
-- 32 | 1 | stays
-- 40 | 1 | f
-- 200 | 1 | d
SELECT id, about, body FROM remarks ORDER BY id;
-- 1 | NULL | FIRST
-- 2 | 22 | SECOND
-- 3 | NULL | THIRD
SELECT id, boss FROM staff ORDER BY id;
-- 1 | NULL
-- 5 | NULL
-- 7 | 5
