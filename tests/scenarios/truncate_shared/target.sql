CREATE TABLE devices (kind varchar(10), id integer, PRIMARY KEY (kind, id));
