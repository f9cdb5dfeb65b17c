CREATE TABLE customers (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE tags (customer integer, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE notes (customer integer, body varchar(20),
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE badges (customer integer PRIMARY KEY,
  FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE);
ALTER TABLE tags REPLICA IDENTITY FULL;
ALTER TABLE notes REPLICA IDENTITY FULL;
