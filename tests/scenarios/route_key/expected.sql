SELECT email, name, own FROM customers ORDER BY email;
-- ann@example.com | Anna | NULL
-- bobby@example.com | Bob | NULL
-- old@example.com | newer | kept
SELECT COUNT(DISTINCT id) FROM customers;
-- 3
