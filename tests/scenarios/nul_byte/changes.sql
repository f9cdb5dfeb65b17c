INSERT INTO texts VALUES (1, 'before'), (2, 'a\0b'), (3, 'after');
