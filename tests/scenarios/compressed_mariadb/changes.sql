INSERT INTO items VALUES (1, REPEAT('a', 2000)), (2, REPEAT('b', 2000)), (3, 'c');
UPDATE items SET name = REPEAT('u', 2000) WHERE id = 1;
DELETE FROM items WHERE id = 2;
UPDATE items SET name = 'short' WHERE id = 3;
