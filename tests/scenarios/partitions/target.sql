CREATE TABLE calls (id integer, year integer, what varchar(20), PRIMARY KEY (id, year));
