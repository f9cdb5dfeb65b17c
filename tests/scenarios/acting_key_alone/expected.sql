SELECT id FROM customers ORDER BY id;
-- 22
-- 111
SELECT customer FROM tags WHERE customer IS NOT NULL ORDER BY customer;
-- 22
-- 111
-- 111
SELECT customer FROM tags WHERE customer IS NULL;
-- NULL
SELECT customer, body FROM notes ORDER BY customer;
-- 22 | changed
-- 111 | same
-- 111 | same
SELECT customer FROM badges ORDER BY customer;
-- 22
-- 111
