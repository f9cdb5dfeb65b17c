SELECT id, code, name FROM shops ORDER BY id;
-- 2 | bb | Bob
-- 4 | d | Dan
-- 33 | e | Eve
SELECT id, number, shop FROM orders ORDER BY id;
-- 20 | y20 | bb
-- 30 | x30 | d
-- 32 | x31 | e
-- 40 | x40 | NULL
SELECT id, number FROM items ORDER BY id;
-- 100 | NULL
-- 110 | NULL
-- 200 | y20
-- 300 | x30
-- 310 | NULL
-- 400 | x40
