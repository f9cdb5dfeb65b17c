INSERT INTO texts VALUES (1, 'tab\there'), (2, 'line\nline\r\n'), (3, 'back\\slash\\\\'), (4, '\\N'), (5, '\\.'),
  (6, 'quote '' " ` end'), (7, '{"a": [1, "x"]}'), (8, '😀 用户'), (9, '  spaces  '), (10, '%s {} $1 ?'), (11, 'NULL'),
  (12, 0x017f), (13, '--'), (14, '/* */');
-- wait
UPDATE texts SET body = CONCAT(body, '!') WHERE id IN (2, 3, 8);
