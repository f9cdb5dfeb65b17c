INSERT INTO shops VALUES (1, 'a', 'Ann'), (2, 'b', 'Bob'), (3, 'c', 'Cleo'), (4, NULL, 'Dan');
INSERT INTO orders VALUES (10, 'x10', 'a'), (11, 'x11', 'a'), (20, 'x20', 'b'), (30, 'x30', 'c'), (40, 'x40', NULL);
INSERT INTO items VALUES (100, 'x10'), (110, 'x11'), (200, 'x20'), (300, 'x30'), (400, 'x40');
-- wait
DELETE FROM shops WHERE id = 1;
UPDATE shops SET code = 'bb' WHERE id = 2;
UPDATE shops SET name = 'Cleopatra' WHERE id = 3;
UPDATE shops SET id = 33, code = 'cc' WHERE id = 3;
UPDATE shops SET code = 'd' WHERE id = 4;
UPDATE orders SET number = 'y20' WHERE id = 20;
-- wait
BEGIN;
INSERT INTO orders VALUES (31, 'x31', 'cc');
INSERT INTO items VALUES (310, 'x31');
UPDATE shops SET code = 'e' WHERE id = 33;
UPDATE orders SET shop = 'd' WHERE id = 30;
DELETE FROM shops WHERE id = 33;
INSERT INTO shops VALUES (33, 'e', 'Eve');
INSERT INTO orders VALUES (32, 'x31', 'e');
COMMIT;
