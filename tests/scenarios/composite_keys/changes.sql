INSERT INTO prices VALUES ('a', 'EU', '2024-01-01', 1.00), ('a', 'US', '2024-01-01', 2.00), ('b', 'EU', '2024-01-01', 3.00), ('b', 'EU', '2024-02-01', 4.00);
-- wait
UPDATE prices SET price = 1.50 WHERE product = 'a' AND region = 'EU';
UPDATE prices SET since = '2024-03-01' WHERE product = 'a' AND region = 'US';
BEGIN;
UPDATE prices SET since = '2024-01-02' WHERE product = 'b' AND since = '2024-01-01';
UPDATE prices SET since = '2024-01-01' WHERE product = 'b' AND since = '2024-02-01';
DELETE FROM prices WHERE product = 'b' AND since = '2024-01-02';
COMMIT;
