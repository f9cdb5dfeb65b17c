CREATE TABLE chosen (id integer PRIMARY KEY, name varchar(20) NOT NULL, phone varchar(20));
