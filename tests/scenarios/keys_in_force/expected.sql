SELECT count(*) FROM customers;
-- 0
SELECT id, customer FROM orders ORDER BY id;
-- 10 | NULL
-- 30 | NULL
-- 40 | NULL
-- 60 | 6
SELECT id, customer FROM notes ORDER BY id;
-- 3 | NULL
-- 4 | 4
-- 6 | 6
SELECT id, customer FROM late ORDER BY id;
-- 7 | 7
