SELECT id, name, note FROM items ORDER BY id;
-- 1 | A | z
-- 6 | the source's | NULL
-- 30 | C | x
