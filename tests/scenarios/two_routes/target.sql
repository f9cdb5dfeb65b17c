CREATE TABLE people (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE phones (number varchar(20) PRIMARY KEY, owner integer);
