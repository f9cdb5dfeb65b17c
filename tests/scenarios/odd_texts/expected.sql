SELECT id, CONCAT('[', body, ']') FROM texts WHERE id <> 12 ORDER BY id;
-- 1 | [tab\there]
-- 2 | [line\nline\r\n!]
-- 3 | [back\\slash\\\\!]
-- 4 | [\\N]
-- 5 | [\\.]
-- 6 | [quote ' " ` end]
-- 7 | [{"a": [1, "x"]}]
-- 8 | [😀 用户!]
-- 9 | [  spaces  ]
-- 10 | [%s {} $1 ?]
-- 11 | [NULL]
-- 13 | [--]
-- 14 | [/* */]
SELECT ASCII(body), LENGTH(body) FROM texts WHERE id = 12;
-- 1 | 2
