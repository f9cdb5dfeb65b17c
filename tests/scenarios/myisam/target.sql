CREATE TABLE safe (id integer PRIMARY KEY, what varchar(20));
CREATE TABLE unsafe (id integer PRIMARY KEY, what varchar(20));
