SELECT id, body FROM texts ORDER BY id;
-- 1 | before
-- 3 | after
