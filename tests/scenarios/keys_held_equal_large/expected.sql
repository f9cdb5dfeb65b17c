SELECT count(*), min(name), max(name) FROM users WHERE login LIKE 'k%' COLLATE "C";
-- 1350 | z | z
SELECT count(*), min(name), max(name) FROM users WHERE login LIKE 'N%' COLLATE "C";
-- 150 | x | x
SELECT count(*) FROM users;
-- 1500
