CREATE TABLE customers (number integer PRIMARY KEY, "display name" varchar(20), mobile varchar(20), origin varchar(20), rank integer, own varchar(20) DEFAULT 'own');
