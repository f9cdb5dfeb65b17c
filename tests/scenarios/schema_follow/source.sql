CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(5), code varchar(9) NOT NULL);
