INSERT INTO users SELECT 'k' || g, 'x' FROM generate_series(1, 1500) AS g;
-- wait
BEGIN;
INSERT INTO users SELECT 'K' || g, 'y' FROM generate_series(1, 2) AS g;
UPDATE users SET name = 'z' WHERE login LIKE 'k%';
DELETE FROM users WHERE login LIKE 'k%9';
INSERT INTO users SELECT 'n' || g, 'x' FROM generate_series(1, 1500) AS g;
COMMIT;
-- wait
DELETE FROM users WHERE login LIKE 'K%';
UPDATE users SET login = 'N' || substr(login, 2) WHERE login LIKE 'n%0';
DELETE FROM users WHERE login LIKE 'n%';
