SELECT id, name, phone, note FROM plain ORDER BY id;
-- 101 | Ann | +11 | n
-- 104 | Dee | +44 | n
-- 107 | Gil | +77 | n
-- 108 | Hal | +88 | m
-- 202 | Bob | +22 | n
SELECT id, label, note FROM joined ORDER BY id;
-- 101 | Ann +11 | n
-- 104 | Dee +44 | n
-- 107 | Gil +77 | n
-- 108 | Hal +88 | m
-- 202 | Bob +22 | n
SELECT id, name, phone FROM chosen ORDER BY id;
-- 101 | Ann | +11
-- 104 | Dee | +44
-- 107 | Gil | +77
-- 202 | Bob | +22
SELECT id, label FROM joined_chosen ORDER BY id;
-- 101 | Ann +11
-- 104 | Dee +44
-- 107 | Gil +77
-- 202 | Bob +22
