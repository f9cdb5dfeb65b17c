SELECT id FROM copy_one;
-- 1
SELECT id FROM copy_two;
-- 2
SELECT id FROM elsewhere;
-- 3
SELECT id FROM copy_special UNION ALL SELECT id FROM copy_tmp_one;
-- (no rows)
