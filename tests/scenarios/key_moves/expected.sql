SELECT id, name, note FROM items ORDER BY id;
-- 2 | three | c
-- 3 | two | b
-- 4 | newer four | NULL
-- 10 | one | a
