INSERT INTO notes VALUES (1, 'a', 'b', 1), (2, _ucs2 x'0061D8000062', NULL, 1), (3, _ucs2 x'D83DDE00', 'x', 1), (4, 'c', 'd', 1);
-- wait
UPDATE notes SET v = 2;
