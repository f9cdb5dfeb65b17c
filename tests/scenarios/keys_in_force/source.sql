CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, customer integer);
CREATE TABLE late (id integer PRIMARY KEY, customer integer);
CREATE TABLE notes (id integer PRIMARY KEY, customer integer,
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
