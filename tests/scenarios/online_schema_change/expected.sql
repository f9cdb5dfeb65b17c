SELECT id, name, phone FROM contacts ORDER BY id;
-- 1 | Ann | +1
-- 2 | Bob | NULL
-- 3 | Cyd | +3
SELECT id, what, note FROM calls ORDER BY id;
-- 1 | a | NULL
-- 2 | b | n
-- 3 | c | m
