SELECT id, name, phone, note FROM plain ORDER BY id;
-- 2 | Bob | +22 | n
-- 7 | Gil | +77 | n
-- 101 | Ann | +11 | n
SELECT id, label, note FROM joined ORDER BY id;
-- 2 | Bob +22 | n
-- 7 | Gil +77 | n
-- 101 | Ann +11 | n
SELECT id, name, phone FROM chosen ORDER BY id;
-- 2 | Bob | +22
-- 7 | Gil | +77
-- 101 | Ann | +11
