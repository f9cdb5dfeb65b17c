CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, customer integer, what varchar(20));
CREATE TABLE items (order_id integer, line integer, item varchar(20), PRIMARY KEY (order_id, line));
CREATE TABLE remarks (id integer PRIMARY KEY, about integer, body varchar(20));
CREATE TABLE staff (id integer PRIMARY KEY, boss integer);
