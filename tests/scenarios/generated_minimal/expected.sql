SELECT id, net, gross, label, note FROM amounts ORDER BY id;
-- 1 | 11 | 22 | net 11 | a
-- 4 | 40 | 80 | net 40 | x
-- 22 | 20 | 40 | net 20 | b
