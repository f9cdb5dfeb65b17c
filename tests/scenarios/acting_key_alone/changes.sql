INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cleo');
INSERT INTO tags VALUES (1), (1), (2), (3);
INSERT INTO notes VALUES (1, 'same'), (1, 'same'), (2, 'other'), (3, 'gone');
INSERT INTO badges VALUES (1), (2), (3);
-- wait
UPDATE customers SET id = 11 WHERE id = 1;
UPDATE customers SET id = 22 WHERE id = 2;
DELETE FROM customers WHERE id = 3;
-- wait
UPDATE customers SET id = 111 WHERE id = 11;
UPDATE notes SET body = 'changed' WHERE body = 'other';
