BEGIN;
INSERT INTO customers VALUES (1, 'Ann', 'ann@example.com');
INSERT INTO customers VALUES (2, 'Bob', 'taken@example.com');
INSERT INTO customers VALUES (3, 'Cyd', NULL), (4, 'Dee', NULL);
COMMIT;
UPDATE customers SET name = 'Anna' WHERE id = 1;
