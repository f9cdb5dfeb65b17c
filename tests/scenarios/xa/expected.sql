SELECT id, name FROM items ORDER BY id;
-- 1 | by xa
-- 2 | committed
-- 4 | one phase
-- 5 | after
