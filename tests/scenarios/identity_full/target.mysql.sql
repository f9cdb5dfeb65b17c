CREATE TABLE notes (id INTEGER, body TEXT, amount DECIMAL(10,2), at DATETIME(6));
