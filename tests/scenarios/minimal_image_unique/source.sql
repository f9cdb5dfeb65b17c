CREATE TABLE contacts (id integer NOT NULL UNIQUE, name varchar(20) NOT NULL, phone varchar(20), note varchar(20));
INSERT INTO contacts VALUES (7, 'Gil', '+7', 'n');
