CREATE TABLE amounts (id integer PRIMARY KEY, net integer, gross integer, label varchar(20), note varchar(20));
