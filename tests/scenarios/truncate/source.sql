CREATE TABLE log (id integer PRIMARY KEY, line varchar(20));
CREATE TABLE kept (id integer PRIMARY KEY, line varchar(20));
