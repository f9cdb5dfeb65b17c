CREATE TABLE amounts (id integer PRIMARY KEY, net integer, gross integer GENERATED ALWAYS AS (net * 2) STORED, note varchar(20));
