SELECT caller, seconds, note FROM calls ORDER BY caller, seconds, note;
-- Ann | 5 | NULL
-- Ann | 6 | NULL
-- Bob | NULL | ''
-- Bob | NULL | b
-- Cyd | 1 | c
-- Cyd | 1 | c
