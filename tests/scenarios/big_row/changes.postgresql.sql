INSERT INTO documents VALUES (1, 'small', NULL);
INSERT INTO documents VALUES (2, repeat('ä\' || chr(9), 1000000), decode(repeat('00ff5c27', 250000), 'hex'));
INSERT INTO documents VALUES (3, 'small', NULL);
UPDATE documents SET body = 'now small' WHERE id = 2;
UPDATE documents SET body = repeat('1234567890', 300000) WHERE id = 3;
