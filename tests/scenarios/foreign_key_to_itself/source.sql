CREATE TABLE staff (id integer PRIMARY KEY, name varchar(20), boss integer, FOREIGN KEY (boss) REFERENCES staff (id));
