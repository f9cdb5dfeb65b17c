CREATE TABLE phones (number varchar(20) PRIMARY KEY, id integer, owner varchar(20));
