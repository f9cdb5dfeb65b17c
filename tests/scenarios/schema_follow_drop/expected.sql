SELECT id, old, name FROM contacts ORDER BY id;
-- 1 | o | Ann
-- 2 | o | Bob
