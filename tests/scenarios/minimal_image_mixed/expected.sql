SELECT id, name, phone FROM chosen ORDER BY id;
-- 1 | new | +1
-- 2 | Dee | +4
-- 3 | Eve | +5
