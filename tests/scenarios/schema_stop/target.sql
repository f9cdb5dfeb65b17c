CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(20));
