CREATE TABLE contacts (email varchar(40) PRIMARY KEY, name varchar(20));
