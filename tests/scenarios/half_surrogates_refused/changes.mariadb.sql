INSERT INTO notes VALUES (1, 'a', 'b', 1), (2, _ucs2 x'0061D8000062', NULL, 1), (3, 'x', _utf32 x'0000D800', 1), (4, 'c', 'd', 1);
