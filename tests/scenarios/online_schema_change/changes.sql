INSERT INTO contacts VALUES (1, 'Ann');
INSERT INTO calls VALUES (1, 'a');
-- on target
ALTER TABLE contacts ADD COLUMN phone varchar(20);
ALTER TABLE calls ADD COLUMN note varchar(20);
-- on source
-- wait
CREATE TABLE _contacts_ghc (id integer PRIMARY KEY, hint varchar(64), value varchar(4096));
CREATE TABLE _contacts_gho LIKE contacts;
ALTER TABLE _contacts_gho ADD COLUMN phone varchar(20);
INSERT INTO _contacts_ghc VALUES (1, 'state', 'copying');
INSERT INTO _contacts_gho (id, name) SELECT id, name FROM contacts;
INSERT INTO contacts VALUES (2, 'Bob');
REPLACE INTO _contacts_gho (id, name) VALUES (2, 'Bob');
CREATE TABLE _contacts_del (id integer PRIMARY KEY);
DROP TABLE _contacts_del;
RENAME TABLE contacts TO _contacts_del, _contacts_gho TO contacts;
UPDATE contacts SET phone = '+1' WHERE id = 1;
DROP TABLE _contacts_del, _contacts_ghc;
CREATE TABLE _calls_new LIKE calls;
ALTER TABLE _calls_new ADD COLUMN note varchar(20);
CREATE TRIGGER pt_osc_calls_ins AFTER INSERT ON calls FOR EACH ROW REPLACE INTO _calls_new (id, what) VALUES (NEW.id, NEW.what);
INSERT INTO calls VALUES (2, 'b');
INSERT IGNORE INTO _calls_new (id, what) SELECT id, what FROM calls;
RENAME TABLE calls TO _calls_old, _calls_new TO calls;
DROP TABLE _calls_old;
UPDATE calls SET note = 'n' WHERE id = 2;
-- restart
INSERT INTO contacts VALUES (3, 'Cyd', '+3');
INSERT INTO calls VALUES (3, 'c', 'm');
