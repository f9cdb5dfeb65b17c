CREATE TABLE amounts (id integer PRIMARY KEY, net integer, gross integer AS (net * 2) STORED, label varchar(20) AS (concat('net ', net)) VIRTUAL, note varchar(20));
