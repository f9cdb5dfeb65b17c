INSERT INTO documents SELECT n, 'draft', repeat(chr(96 + n), 20000) FROM generate_series(1, 4) AS n;
-- wait
UPDATE documents SET title = 'final' WHERE id = 1;
UPDATE documents SET id = 20 WHERE id = 2;
UPDATE documents SET body = 'short' WHERE id = 3;
BEGIN;
UPDATE documents SET body = repeat('z', 30000) WHERE id = 4;
UPDATE documents SET title = 'second' WHERE id = 4;
COMMIT;
