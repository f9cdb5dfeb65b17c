SELECT id, name, note FROM items;
-- 1 | third | newer
