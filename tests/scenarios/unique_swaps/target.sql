CREATE TABLE seats (id integer PRIMARY KEY, guest varchar(20), seat integer NOT NULL, UNIQUE (seat));
