CREATE TABLE plain (id integer PRIMARY KEY, name varchar(20) NOT NULL, phone varchar(20), note varchar(20));
CREATE TABLE joined (id integer PRIMARY KEY, label varchar(41) NOT NULL, note varchar(20));
CREATE TABLE chosen (id integer PRIMARY KEY, name varchar(20) NOT NULL, phone varchar(20));
