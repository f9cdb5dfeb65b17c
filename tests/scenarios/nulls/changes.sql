INSERT INTO blanks VALUES (1, NULL, '', NULL, NULL), (2, '', NULL, 0, NULL), (3, 'NULL', '\N', 1, '2024-01-01'),
  (4, ' ', 'x', 1, '2024-01-01');
-- wait
UPDATE blanks SET a = '', b = NULL WHERE id = 1;
UPDATE blanks SET a = NULL, n = NULL WHERE id = 2;
UPDATE blanks SET d = NULL, b = NULL WHERE id = 3;
UPDATE blanks SET id = 5, a = NULL, b = '', n = NULL, d = NULL WHERE id = 4;
