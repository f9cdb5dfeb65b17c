SELECT id, customer, what, changed < '2023-01-01', touched FROM orders ORDER BY id;
-- 10 | NULL | phone | 1 | 2020-01-02 00:00:00
-- 20 | 22 | case | 1 | NULL
-- 30 | 3 | cable | 1 | 2023-01-01 00:00:00
