UPDATE documents SET title = 'final' WHERE id = 1;
UPDATE documents SET id = 20 WHERE id = 2;
UPDATE documents SET title = 'never seen' WHERE id = 3;
DELETE FROM documents WHERE id = 3;
