SELECT id, name FROM items ORDER BY id;
-- 1 | a row
