CREATE TABLE mobiles (id integer PRIMARY KEY);
CREATE TABLE desks (id integer PRIMARY KEY);
