SELECT id, what FROM tickets ORDER BY id;
-- 1001 | B
-- 1002 | c
-- 1003 | d
