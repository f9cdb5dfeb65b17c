CREATE TABLE documents (id integer PRIMARY KEY, title varchar(40), body text);
ALTER TABLE documents ALTER COLUMN body SET STORAGE EXTERNAL;
