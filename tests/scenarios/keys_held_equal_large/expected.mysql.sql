SELECT COUNT(*), MIN(name), MAX(name) FROM users WHERE login LIKE BINARY 'k%';
-- 1350 | z | z
SELECT COUNT(*), MIN(name), MAX(name) FROM users WHERE login LIKE BINARY 'N%';
-- 150 | x | x
SELECT COUNT(*) FROM users;
-- 1500
