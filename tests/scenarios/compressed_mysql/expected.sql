SELECT id, LEFT(name, 10), LENGTH(name) FROM items ORDER BY id;
-- 1 | compressed | 10
-- 2 | bbbbbbbbbb | 2000
-- 4 | plain | 5
