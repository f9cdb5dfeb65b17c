CREATE TABLE safe (id integer PRIMARY KEY, what varchar(20)) ENGINE = InnoDB;
CREATE TABLE unsafe (id integer PRIMARY KEY, what varchar(20)) ENGINE = MyISAM;
