SELECT kind, id FROM devices ORDER BY kind;
-- desk | 1
-- mobile | 1
