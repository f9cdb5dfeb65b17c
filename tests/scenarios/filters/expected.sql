SELECT id, name, level FROM contacts ORDER BY id;
-- 2 | Bob | C
-- 3 | Cyd back | A
-- 4 | Dee | D
