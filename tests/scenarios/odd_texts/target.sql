CREATE TABLE texts (id integer PRIMARY KEY, body varchar(60));
