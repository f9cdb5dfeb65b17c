INSERT INTO calls VALUES (1, 'eu', 'a', 'n'), (2, 'eu', 'b', NULL), (3, 'us', 'c', 'n'), (4, 'us', 'd', 'n');
-- wait
UPDATE calls SET what = 'A' WHERE id = 1;
UPDATE calls SET region = 'us' WHERE id = 2;
UPDATE calls SET id = 30, note = NULL WHERE id = 3;
DELETE FROM calls WHERE id = 4;
