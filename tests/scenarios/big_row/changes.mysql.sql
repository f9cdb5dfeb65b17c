INSERT INTO documents VALUES (1, 'small', NULL);
INSERT INTO documents VALUES (2, REPEAT('ä\\\t', 1000000), UNHEX(REPEAT('00ff5c27', 250000)));
INSERT INTO documents VALUES (3, 'small', NULL);
UPDATE documents SET body = 'now small' WHERE id = 2;
UPDATE documents SET body = REPEAT('1234567890', 300000) WHERE id = 3;
