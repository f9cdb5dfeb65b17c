SELECT id, net, gross, note FROM amounts ORDER BY id;
-- 1 | 11 | 33 | a
-- 22 | 20 | 60 | b
