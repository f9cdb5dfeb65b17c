INSERT INTO contacts VALUES (1, 'Ann');
CREATE TABLE calls (id integer PRIMARY KEY, contact integer, number varchar(20) DEFAULT 'none',
  FOREIGN KEY (contact) REFERENCES contacts (id) ON DELETE CASCADE);
INSERT INTO calls VALUES (1, 1, '+1');
INSERT INTO calls (id, contact) VALUES (2, 1);
UPDATE calls SET number = '+11' WHERE id = 1;
