SELECT number, id, owner FROM phones ORDER BY number;
-- +1 | 1 | Anna
-- +22 | 2 | Bob
