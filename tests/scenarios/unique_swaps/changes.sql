INSERT INTO seats VALUES (1, 'Ann', 11), (2, 'Bob', 12), (3, 'Cyd', 13), (4, 'Dee', 14);
-- wait
BEGIN;
UPDATE seats SET seat = 0 WHERE id = 1;
UPDATE seats SET seat = 11 WHERE id = 2;
UPDATE seats SET seat = 12 WHERE id = 1;
COMMIT;
-- a deleted row's seat is given to another row at once
BEGIN;
DELETE FROM seats WHERE id = 3;
UPDATE seats SET seat = 13 WHERE id = 4;
INSERT INTO seats VALUES (5, 'Eve', 14);
COMMIT;
