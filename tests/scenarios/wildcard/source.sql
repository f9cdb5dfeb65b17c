CREATE TABLE one (id integer PRIMARY KEY);
CREATE TABLE two (id integer PRIMARY KEY);
CREATE TABLE special (id integer PRIMARY KEY);
CREATE TABLE tmp_one (id integer PRIMARY KEY);
