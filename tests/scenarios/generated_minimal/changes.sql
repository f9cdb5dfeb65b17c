INSERT INTO amounts (id, net, note) VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c'), (4, 40, 'd');
-- wait
SET SESSION binlog_row_image = 'MINIMAL';
UPDATE amounts SET net = 11 WHERE id = 1;
UPDATE amounts SET id = 22 WHERE id = 2;
UPDATE amounts SET net = 31 WHERE id = 3;
DELETE FROM amounts WHERE id = 3;
UPDATE amounts SET note = 'x' WHERE id = 4;
