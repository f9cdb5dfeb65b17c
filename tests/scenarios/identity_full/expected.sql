SELECT id, body, amount, at FROM notes ORDER BY id;
-- 2 | b | NULL | NULL
-- 10 | a | 2.00 | 2024-02-29 12:00:00.000001
