INSERT INTO users VALUES ('ann', '1'), ('bob', '2'), ('eve', '8');
-- wait
INSERT INTO users VALUES ('Ann', '3'), ('cyd', '4');
-- wait
UPDATE users SET name = '5' WHERE login = 'Ann';
-- wait
INSERT INTO users VALUES ('dee', '6'), ('Dee', '7');
-- wait
DELETE FROM users WHERE login = 'Ann';
DELETE FROM users WHERE login = 'Dee';
UPDATE users SET login = 'Bob' WHERE login = 'bob';
UPDATE users SET name = '9' WHERE login = 'eve';
