SELECT id, name FROM contacts ORDER BY id;
-- 1 | Ann
-- 2 | Bob
SELECT state, code, position('ADD COLUMN' IN statement) > 0 AS shown FROM cdc_agent.table_state
WHERE target_schema = '{target}';
-- waiting | SC001 | 1
