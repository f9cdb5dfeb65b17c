SELECT id, old, name FROM contacts ORDER BY id;
-- 1 | o | Anna
-- 2 | o | Bob
-- 3 | NULL | Cyd
