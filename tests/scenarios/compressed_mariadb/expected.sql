SELECT id, LEFT(name, 10), LENGTH(name) FROM items ORDER BY id;
-- 1 | uuuuuuuuuu | 2000
-- 3 | short | 5
