CREATE TABLE blanks (id integer PRIMARY KEY, a varchar(20), b varchar(20), n integer, d date);
