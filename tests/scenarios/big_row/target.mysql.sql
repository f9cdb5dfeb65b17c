CREATE TABLE documents (id integer PRIMARY KEY, body LONGTEXT, bytes LONGBLOB);
