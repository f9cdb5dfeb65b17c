CREATE TABLE calls (id integer, region varchar(2), what varchar(20), note varchar(20)) PARTITION BY LIST (region);
CREATE TABLE calls_eu PARTITION OF calls (PRIMARY KEY (id)) FOR VALUES IN ('eu');
CREATE TABLE calls_us PARTITION OF calls (PRIMARY KEY (id)) FOR VALUES IN ('us');
ALTER TABLE calls REPLICA IDENTITY FULL;
