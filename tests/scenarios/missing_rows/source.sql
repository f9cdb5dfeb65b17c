CREATE TABLE items (id integer PRIMARY KEY, name varchar(20), note varchar(20));
INSERT INTO items VALUES (1, 'a', 'x'), (2, 'b', 'x'), (3, 'c', 'x'), (4, 'd', 'x');
