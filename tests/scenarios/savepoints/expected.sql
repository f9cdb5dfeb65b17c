SELECT id, name FROM items ORDER BY id;
-- 1 | kept
-- 3 | kept
-- 4 | kept
-- 6 | last
