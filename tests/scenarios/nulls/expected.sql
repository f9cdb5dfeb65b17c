SELECT id, a, b, n, d FROM blanks ORDER BY id;
-- 1 | '' | NULL | NULL | NULL
-- 2 | NULL | NULL | NULL | NULL
-- 3 | NULL | NULL | 1 | NULL
-- 5 | NULL | '' | NULL | NULL
