SELECT line, COUNT(*) FROM log GROUP BY line ORDER BY line;
-- one | 1
-- three | 2
-- two | 1
