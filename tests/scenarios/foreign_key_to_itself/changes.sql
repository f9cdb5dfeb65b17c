INSERT INTO staff VALUES (9, 'chief', NULL);
INSERT INTO staff VALUES (5, 'head', 9);
INSERT INTO staff VALUES (1, 'clerk', 5), (2, 'clerk', 5), (3, 'clerk', 5);
BEGIN;
INSERT INTO staff VALUES (10, 'new chief', NULL);
UPDATE staff SET boss = 10 WHERE id = 5;
DELETE FROM staff WHERE id = 9;
COMMIT;
-- wait
BEGIN;
UPDATE staff SET boss = 10 WHERE boss = 5;
DELETE FROM staff WHERE id = 5;
DELETE FROM staff WHERE id = 1;
COMMIT;
