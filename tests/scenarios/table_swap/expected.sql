SELECT id, name, phone FROM contacts ORDER BY id;
-- 1 | Ann | +1
-- 2 | Bob | +2
