INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob'), (3, 'Cleo'), (4, 'Dan'), (5, 'Eve'), (6, 'Fay'), (7, 'Gil');
INSERT INTO orders VALUES (10, 1), (20, 2), (30, 3), (40, 4);
INSERT INTO notes VALUES (1, 1), (2, 2), (3, 3), (4, 4), (6, 6);
-- no key of orders yet: they stay
DELETE FROM customers WHERE id = 1;
UPDATE orders SET customer = NULL WHERE id = 10;
ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE;
DELETE FROM customers WHERE id = 2;
-- restart
-- the keys go: what refers to nobody stays
ALTER TABLE orders DROP FOREIGN KEY of_customer;
ALTER TABLE notes DROP FOREIGN KEY notes_ibfk_1;
DELETE FROM customers WHERE id = 3;
UPDATE orders SET customer = NULL WHERE id = 30;
UPDATE notes SET customer = NULL WHERE id = 3;
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE SET NULL ON UPDATE CASCADE;
DROP TABLE late;
CREATE TABLE late (id integer PRIMARY KEY, customer integer, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
INSERT INTO late VALUES (5, 5), (7, 7);
DELETE FROM customers WHERE id IN (4, 5);
-- restart
INSERT INTO orders VALUES (60, 6);
ALTER TABLE orders DROP FOREIGN KEY orders_ibfk_1;
DELETE FROM customers WHERE id = 6;
DROP TABLE late;
DELETE FROM customers WHERE id = 7;
