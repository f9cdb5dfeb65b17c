CREATE TABLE notes (id integer PRIMARY KEY, u varchar(9) CHARACTER SET ucs2, w varchar(9) CHARACTER SET utf32, v integer);
