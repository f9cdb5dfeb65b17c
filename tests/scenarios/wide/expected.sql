SELECT id, c1, c7, c8, c150, c298, c299 FROM wide ORDER BY id;
-- 2 | b1 | seven | b8 | b150 | b298 | last
-- 30 | NULL | NULL | c8 | c150 | c298 | c299
