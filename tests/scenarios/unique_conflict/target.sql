CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20), email varchar(40) UNIQUE);
INSERT INTO customers VALUES (100, 'only here', 'taken@example.com');
