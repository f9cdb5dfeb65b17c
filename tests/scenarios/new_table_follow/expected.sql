SELECT id, contact, number FROM calls ORDER BY id;
-- 1 | 1 | +11
-- 2 | 1 | none
SELECT count(*) FROM information_schema.table_constraints
WHERE table_schema = '{target}' AND table_name = 'calls' AND constraint_type = 'FOREIGN KEY';
-- 1
