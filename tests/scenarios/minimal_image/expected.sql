SELECT id, name, phone, note FROM contacts ORDER BY id;
-- 1 | Ann | +11 | n
-- 2 | Bob | +2 | NULL
-- 7 | Gil | +77 | only on the source
-- 30 | Cyd | +3 | n
