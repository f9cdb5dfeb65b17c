SELECT id, region, what, note FROM calls ORDER BY id;
-- 1 | eu | A | n
-- 2 | us | b | NULL
-- 30 | us | c | NULL
