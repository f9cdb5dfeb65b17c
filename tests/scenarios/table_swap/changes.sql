INSERT INTO contacts VALUES (1, 'Ann');
CREATE TABLE _contacts_new (id integer PRIMARY KEY, phone varchar(20), name varchar(20));
INSERT INTO _contacts_new (id, name) SELECT id, name FROM contacts;
RENAME TABLE contacts TO _contacts_old, _contacts_new TO contacts;
INSERT INTO contacts (id, name, phone) VALUES (2, 'Bob', '+2');
UPDATE contacts SET phone = '+1' WHERE id = 1;
DROP TABLE _contacts_old;
