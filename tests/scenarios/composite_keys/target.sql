CREATE TABLE prices (price numeric(12,2), since date, region varchar(5), product varchar(20), PRIMARY KEY (since, product, region));
