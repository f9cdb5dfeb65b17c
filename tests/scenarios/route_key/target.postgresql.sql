CREATE TABLE customers (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(40) NOT NULL UNIQUE, name varchar(20), own varchar(20));
INSERT INTO customers (email, name, own) VALUES ('old@example.com', 'old', 'kept');
