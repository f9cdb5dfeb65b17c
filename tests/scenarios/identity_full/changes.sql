INSERT INTO notes VALUES (1, 'a', 1.50, '2024-02-29 12:00:00.000001'), (2, NULL, NULL, NULL), (3, 'c', 0, NULL);
UPDATE notes SET body = 'b' WHERE id = 2;
UPDATE notes SET id = 10, amount = 2 WHERE id = 1;
DELETE FROM notes WHERE id = 3;
