UPDATE items SET name = 'A' WHERE id = 1;
DELETE FROM items WHERE id = 2;
UPDATE items SET id = 30, name = 'C' WHERE id = 3;
INSERT INTO items VALUES (5, 'e', NULL);
-- wait
-- on target
DELETE FROM items WHERE id IN (1, 5);
INSERT INTO items VALUES (6, 'the target''s own', 'y');
-- on source
UPDATE items SET note = 'z' WHERE id = 1;
DELETE FROM items WHERE id = 5;
INSERT INTO items VALUES (6, 'the source''s', NULL);
