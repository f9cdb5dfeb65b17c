SELECT id, full_name, code, level FROM contacts ORDER BY id;
-- 1 | another name that is | a | 7
-- 2 | Bob | b | 8
-- 3 | a long name that is | c | 9
-- 4 | Dan | NULL | 10
SELECT state FROM cdc_agent.table_state WHERE target_schema = '{target}';
-- streaming
