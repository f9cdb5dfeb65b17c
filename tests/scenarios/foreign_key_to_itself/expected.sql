SELECT id, name, boss FROM staff ORDER BY id;
-- 2 | clerk | 10
-- 3 | clerk | 10
-- 10 | new chief | NULL
