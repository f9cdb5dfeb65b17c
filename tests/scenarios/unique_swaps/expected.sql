SELECT id, guest, seat FROM seats ORDER BY id;
-- 1 | Ann | 12
-- 2 | Bob | 11
-- 4 | Dee | 13
-- 5 | Eve | 14
