CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20), email varchar(40));
