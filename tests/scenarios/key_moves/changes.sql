INSERT INTO items VALUES (1, 'one', 'a'), (2, 'two', 'b'), (3, 'three', 'c'), (4, 'four', 'd');
-- wait
UPDATE items SET id = 10 WHERE id = 1;
-- the keys of two rows change places
BEGIN;
UPDATE items SET id = -2 WHERE id = 2;
UPDATE items SET id = 2 WHERE id = 3;
UPDATE items SET id = 3 WHERE id = -2;
COMMIT;
-- a row moves away, and another takes its key
BEGIN;
UPDATE items SET id = 40, note = 'moved' WHERE id = 4;
INSERT INTO items VALUES (4, 'new four', NULL);
UPDATE items SET name = 'newer four' WHERE id = 4;
DELETE FROM items WHERE id = 40;
COMMIT;
