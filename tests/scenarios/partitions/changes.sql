INSERT INTO calls VALUES (1, 2023, 'a'), (2, 2023, 'b'), (3, 2024, 'c');
-- wait
UPDATE calls SET year = 2024, what = 'moved' WHERE id = 1;
UPDATE calls SET what = 'B' WHERE id = 2;
DELETE FROM calls WHERE id = 3;
