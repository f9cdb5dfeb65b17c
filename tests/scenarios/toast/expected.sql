SELECT id, title, LENGTH(body), LEFT(body, 5) FROM documents ORDER BY id;
-- 1 | final | 20000 | aaaaa
-- 3 | draft | 5 | short
-- 4 | second | 30000 | zzzzz
-- 20 | draft | 20000 | bbbbb
