CREATE TABLE phones (id integer PRIMARY KEY, number varchar(20) NOT NULL UNIQUE, owner varchar(20));
ALTER TABLE phones REPLICA IDENTITY USING INDEX phones_number_key;
