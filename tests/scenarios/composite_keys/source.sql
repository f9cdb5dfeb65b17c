CREATE TABLE prices (product varchar(20), region varchar(5), since date, price numeric(12,2), PRIMARY KEY (product, region, since));
