CREATE TABLE tickets (id bigint AUTO_INCREMENT PRIMARY KEY, what varchar(20));
