CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(20));
CREATE TABLE calls (id integer PRIMARY KEY, what varchar(20));
