CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(20), phone varchar(20));
