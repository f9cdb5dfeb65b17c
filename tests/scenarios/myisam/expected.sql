SELECT id, what FROM safe ORDER BY id;
-- 1 | a
SELECT id, what FROM unsafe WHERE id < 3 ORDER BY id;
-- 2 | B
