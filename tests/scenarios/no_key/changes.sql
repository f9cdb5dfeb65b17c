INSERT INTO calls VALUES ('Ann', 5, NULL), ('Ann', 5, NULL), ('Ann', 5, NULL), ('Bob', NULL, ''), ('Bob', NULL, '');
-- wait
DELETE FROM calls WHERE ctid IN (SELECT ctid FROM calls WHERE caller = 'Ann' LIMIT 1);
UPDATE calls SET seconds = 6 WHERE ctid IN (SELECT ctid FROM calls WHERE caller = 'Ann' LIMIT 1);
UPDATE calls SET note = 'b' WHERE ctid IN (SELECT ctid FROM calls WHERE caller = 'Bob' LIMIT 1);
INSERT INTO calls VALUES ('Cyd', 1, 'c'), ('Cyd', 1, 'c');
