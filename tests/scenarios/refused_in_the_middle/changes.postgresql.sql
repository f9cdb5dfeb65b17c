BEGIN;
INSERT INTO contacts SELECT n, 'row ' || n, 1 FROM generate_series(1, 2000) AS n;
INSERT INTO contacts VALUES (5001, 'a name that is too long', 1), (5002, NULL, 1);
INSERT INTO contacts SELECT n, 'row ' || n, 1 FROM generate_series(2001, 3000) AS n;
INSERT INTO contacts VALUES (5003, 'checked', 10), (5004, 'checked', 11);
UPDATE contacts SET level = 2 WHERE id BETWEEN 100 AND 199;
COMMIT;
UPDATE contacts SET name = 'short' WHERE id = 5001;
