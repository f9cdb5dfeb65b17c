CREATE TABLE moments (id integer PRIMARY KEY, instant timestamptz, clock timestamp(6));
