CREATE TABLE events (id integer PRIMARY KEY, what varchar(20));
