INSERT INTO users VALUES ('ann', 'small'), ('bob', 'Bob');
UPDATE users SET login = 'BOB' WHERE login = 'bob';
UPDATE users SET name = 'Bobby' WHERE login = 'BOB';
