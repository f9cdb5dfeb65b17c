CREATE TABLE devices (kind varchar(10), id integer, name varchar(20) UNIQUE, PRIMARY KEY (kind, id));
