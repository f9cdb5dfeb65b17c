CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, customer integer NOT NULL,
  FOREIGN KEY (customer) REFERENCES customers (id));
CREATE TABLE order_lines (orders integer, line integer, what varchar(20), PRIMARY KEY (orders, line),
  FOREIGN KEY (orders) REFERENCES orders (id));
