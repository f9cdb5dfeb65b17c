SELECT id, u, w FROM notes ORDER BY id;
-- 1 | a | b
-- 4 | c | d
