INSERT INTO amounts (id, net, note) VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c');
-- wait
UPDATE amounts SET net = 11 WHERE id = 1;
UPDATE amounts SET id = 22 WHERE id = 2;
DELETE FROM amounts WHERE id = 3;
