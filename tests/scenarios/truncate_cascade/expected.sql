SELECT id FROM parents;
-- 7
SELECT id, parent FROM children;
-- 8 | 7
SELECT id FROM others;
-- (no rows)
