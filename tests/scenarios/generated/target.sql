CREATE TABLE amounts (id integer PRIMARY KEY, gross integer GENERATED ALWAYS AS (net * 3) STORED, note varchar(20), net integer);
