CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, customer integer, what varchar(20),
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE items (order_id integer, line integer, item varchar(20), PRIMARY KEY (order_id, line),
  FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE notes (id integer PRIMARY KEY, customer integer, body varchar(20),
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE staff (id integer PRIMARY KEY, boss integer,
  FOREIGN KEY (boss) REFERENCES staff (id) ON DELETE CASCADE);
