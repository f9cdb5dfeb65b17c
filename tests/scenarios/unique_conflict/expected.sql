SELECT id, name, email FROM customers ORDER BY id;
-- 1 | Anna | ann@example.com
-- 3 | Cyd | NULL
-- 4 | Dee | NULL
-- 100 | only here | taken@example.com
