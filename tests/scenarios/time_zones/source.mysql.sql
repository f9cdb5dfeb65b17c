CREATE TABLE moments (id integer PRIMARY KEY, instant TIMESTAMP(6) NULL, clock DATETIME(6));
