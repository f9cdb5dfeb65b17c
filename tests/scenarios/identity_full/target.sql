CREATE TABLE notes (id integer, body text, amount numeric(10,2), at timestamp(6));
