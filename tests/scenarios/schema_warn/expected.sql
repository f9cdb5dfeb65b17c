SELECT id, name FROM contacts ORDER BY id;
-- 1 | Anna
-- 2 | Bob
-- 3 | Cyd
SELECT state, code FROM cdc_agent.table_state WHERE target_schema = '{target}';
-- differing | SC001
