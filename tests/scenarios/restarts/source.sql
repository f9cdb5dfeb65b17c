CREATE TABLE log (line varchar(20));
