SELECT id, name FROM contacts ORDER BY id;
-- 1 | Ann
-- 2 | Bob
