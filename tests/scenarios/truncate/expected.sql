SELECT id, line FROM log ORDER BY id;
-- 2 | after
SELECT id, line FROM kept ORDER BY id;
-- 1 | stays
-- 2 | replaced
