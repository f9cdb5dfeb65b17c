SELECT id FROM t ORDER BY id;
-- 1
-- 2
-- 3
