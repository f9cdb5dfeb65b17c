CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(20) NOT NULL, phone varchar(20), note varchar(20));
