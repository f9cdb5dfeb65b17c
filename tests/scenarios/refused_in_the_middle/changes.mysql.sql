BEGIN;
INSERT INTO contacts WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000) SELECT n, CONCAT('row ', n), 1 FROM r;
INSERT INTO contacts VALUES (5001, 'a name that is too long', 1), (5002, NULL, 1);
INSERT INTO contacts WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000) SELECT n + 1000, CONCAT('row ', n), 1 FROM r;
INSERT INTO contacts VALUES (5003, 'checked', 10), (5004, 'checked', 11);
INSERT INTO contacts WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1000) SELECT n + 2000, CONCAT('row ', n), 1 FROM r;
UPDATE contacts SET level = 2 WHERE id BETWEEN 100 AND 199;
COMMIT;
UPDATE contacts SET name = 'short' WHERE id = 5001;
