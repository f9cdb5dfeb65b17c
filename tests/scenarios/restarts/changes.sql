INSERT INTO log VALUES ('one');
-- restart
INSERT INTO log VALUES ('two');
-- restart
-- restart
INSERT INTO log VALUES ('three'), ('three');
