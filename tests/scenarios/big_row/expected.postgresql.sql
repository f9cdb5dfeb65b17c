SELECT id, left(body, 10), length(body), length(bytes), bytes = decode(repeat('00ff5c27', 250000), 'hex') FROM documents ORDER BY id;
-- 1 | small | 5 | NULL | NULL
-- 2 | now small | 9 | 1000000 | 1
-- 3 | 1234567890 | 3000000 | NULL | NULL
