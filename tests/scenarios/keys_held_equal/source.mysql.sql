CREATE TABLE users (login varchar(20) COLLATE utf8mb4_bin PRIMARY KEY, name varchar(20));
