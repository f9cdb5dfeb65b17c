SELECT COUNT(*), SUM(level) FROM contacts WHERE id < 5000;
-- 3000 | 3100
SELECT id, name, level FROM contacts WHERE id > 5000;
-- 5001 | short | 1
