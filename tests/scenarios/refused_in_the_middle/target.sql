CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(10) NOT NULL, level integer CHECK (level < 10));
