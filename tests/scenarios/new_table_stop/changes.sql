INSERT INTO contacts VALUES (1, 'Ann');
CREATE TABLE calls (id integer PRIMARY KEY, number varchar(20) DEFAULT 'none');
INSERT INTO contacts VALUES (2, 'Bob');
INSERT INTO calls VALUES (1, '+1');
INSERT INTO contacts VALUES (3, 'Cyd');
