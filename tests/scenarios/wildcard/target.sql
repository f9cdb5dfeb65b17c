CREATE TABLE copy_one (id integer PRIMARY KEY);
CREATE TABLE copy_two (id integer PRIMARY KEY);
CREATE TABLE copy_special (id integer PRIMARY KEY);
CREATE TABLE copy_tmp_one (id integer PRIMARY KEY);
CREATE TABLE elsewhere (id integer PRIMARY KEY);
