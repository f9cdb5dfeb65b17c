INSERT INTO mobiles VALUES (1, 'a'), (2, 'b');
INSERT INTO desks VALUES (1, 'c'), (2, 'd');
-- wait
-- a name wanders from one table to the other and back
BEGIN;
DELETE FROM mobiles WHERE id = 1;
INSERT INTO desks VALUES (3, 'a');
DELETE FROM desks WHERE id = 3;
INSERT INTO mobiles VALUES (3, 'a');
UPDATE desks SET name = 'e' WHERE id = 1;
COMMIT;
DELETE FROM desks WHERE id = 2;
