CREATE TABLE users (login varchar(20) PRIMARY KEY, name varchar(20));
