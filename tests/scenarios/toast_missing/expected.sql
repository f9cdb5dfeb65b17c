SELECT id, title, LENGTH(body), LEFT(body, 5) FROM documents ORDER BY id;
-- 1 | final | 20000 | aaaaa
-- 20 | before setup | 20000 | bbbbb
