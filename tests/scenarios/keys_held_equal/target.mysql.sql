CREATE TABLE users (login varchar(20) COLLATE utf8mb4_general_ci PRIMARY KEY, name varchar(20));
