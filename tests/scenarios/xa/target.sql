CREATE TABLE items (id integer PRIMARY KEY, name varchar(20));
