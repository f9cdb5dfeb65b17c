CREATE TABLE shops (id integer PRIMARY KEY, code varchar(10) UNIQUE, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, number varchar(10) NOT NULL UNIQUE, shop varchar(10));
CREATE TABLE items (id integer PRIMARY KEY, number varchar(10));
