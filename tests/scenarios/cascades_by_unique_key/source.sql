CREATE TABLE shops (id integer PRIMARY KEY, code varchar(10) UNIQUE, name varchar(20));
CREATE TABLE orders (id integer PRIMARY KEY, number varchar(10) NOT NULL UNIQUE, shop varchar(10),
  FOREIGN KEY (shop) REFERENCES shops (code) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE items (id integer PRIMARY KEY, number varchar(10),
  FOREIGN KEY (number) REFERENCES orders (number) ON DELETE SET NULL ON UPDATE CASCADE);
