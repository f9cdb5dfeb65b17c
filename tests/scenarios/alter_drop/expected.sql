SELECT id, old, name FROM contacts ORDER BY id;
-- 1 | o | Anna
-- 2 | o | Bob
-- 3 | NULL | Cyd
SELECT state, code FROM cdc_agent.table_state WHERE target_schema = '{target}';
-- differing | SC001
