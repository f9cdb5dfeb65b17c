SELECT id FROM calls ORDER BY id;
-- (no rows)
