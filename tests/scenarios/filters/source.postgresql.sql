CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(20), level varchar(2), deleted integer);
ALTER TABLE contacts REPLICA IDENTITY FULL;
