CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(40), level integer);
