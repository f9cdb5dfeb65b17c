SELECT id, name FROM people ORDER BY id;
-- 1 | Anna
-- 20 | Bob
SELECT number, owner FROM phones ORDER BY number;
-- +11 | 1
-- +2 | 20
