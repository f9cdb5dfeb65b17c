SELECT kind, id, name FROM devices ORDER BY kind, id;
-- desk | 1 | e
-- mobile | 2 | b
-- mobile | 3 | a
