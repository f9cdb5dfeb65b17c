SELECT id, name FROM contacts ORDER BY id;
-- 1 | Ann
