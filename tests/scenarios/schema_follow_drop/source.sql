CREATE TABLE contacts (id integer PRIMARY KEY, old varchar(20), name varchar(20));
