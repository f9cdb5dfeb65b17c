CREATE TABLE contacts (id integer PRIMARY KEY, name varchar(20) NOT NULL, phone varchar(20), note varchar(20));
INSERT INTO contacts VALUES (7, 'Gil', '+7', 'n'), (8, 'Hal', '+8', 'n');
