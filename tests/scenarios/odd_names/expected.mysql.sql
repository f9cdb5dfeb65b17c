SELECT `group`, `Mixed Case`, `日本 %s`, `a"b``c` FROM `Tbl; DROP TABLE t; -- %s {}` ORDER BY 1;
-- 2 | d | e | F
-- 10 | a | B | c
SELECT * FROM `Номера`;
-- 1 | 3
