CREATE TABLE mobiles (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE desks (id integer PRIMARY KEY, name varchar(20));
