CREATE TABLE notes (id integer PRIMARY KEY, u varchar(9), w varchar(9), v integer);
