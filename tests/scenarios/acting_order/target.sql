CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, customer integer, remark varchar(20) DEFAULT 'own',
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE order_lines (orders integer, line integer, PRIMARY KEY (orders, line),
  FOREIGN KEY (orders) REFERENCES orders (id) ON DELETE CASCADE ON UPDATE CASCADE);
