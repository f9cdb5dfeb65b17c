INSERT INTO log VALUES (1, 'gone'), (2, 'gone');
INSERT INTO kept VALUES (1, 'stays'), (2, 'stays');
TRUNCATE TABLE log;
INSERT INTO log VALUES (2, 'after');
TRUNCATE TABLE kept;
INSERT INTO kept VALUES (2, 'replaced');
