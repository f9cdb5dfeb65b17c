CREATE TABLE documents (id integer PRIMARY KEY, title varchar(40), body text NOT NULL);
