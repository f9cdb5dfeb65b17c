CREATE TABLE calls (id integer PRIMARY KEY, region varchar(2), what varchar(20), note varchar(20));
