BEGIN;
INSERT INTO items VALUES (1, 'first', 'old');
DELETE FROM items WHERE id = 1;
INSERT INTO items VALUES (1, 'second', NULL);
INSERT INTO items VALUES (2, 'comes and goes', NULL);
DELETE FROM items WHERE id = 2;
COMMIT;
-- wait
BEGIN;
DELETE FROM items WHERE id = 1;
INSERT INTO items VALUES (1, 'third', 'new');
UPDATE items SET note = 'newer' WHERE id = 1;
COMMIT;
