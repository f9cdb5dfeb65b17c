INSERT INTO unsafe VALUES (1, 'a'), (2, 'b');
UPDATE unsafe SET what = 'B' WHERE id = 2;
INSERT INTO safe VALUES (1, 'a');
DELETE FROM unsafe WHERE id = 1;
