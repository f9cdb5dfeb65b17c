INSERT INTO contacts VALUES (1, 'Ann', 'A', 0), (2, 'Bob', 'X', 0), (3, 'Cyd', 'A', 1), (4, 'Dee', NULL, 0), (5, 'Eve', 'B', 0);
-- wait
UPDATE contacts SET deleted = 1 WHERE id = 1;
UPDATE contacts SET level = 'C' WHERE id = 2;
UPDATE contacts SET deleted = 0, name = 'Cyd back' WHERE id = 3;
UPDATE contacts SET level = 'D' WHERE id = 4;
UPDATE contacts SET id = 50, level = 'X' WHERE id = 5;
DELETE FROM contacts WHERE id = 1;
