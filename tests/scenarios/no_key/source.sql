CREATE TABLE calls (caller varchar(20), seconds integer, note varchar(20));
