INSERT INTO mobiles VALUES (1);
INSERT INTO desks VALUES (1);
-- wait
TRUNCATE TABLE mobiles;
