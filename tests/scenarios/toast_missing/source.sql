CREATE TABLE documents (id integer PRIMARY KEY, title varchar(40), body text NOT NULL);
ALTER TABLE documents ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO documents SELECT n, 'before setup', repeat(chr(96 + n), 20000) FROM generate_series(1, 3) AS n;
