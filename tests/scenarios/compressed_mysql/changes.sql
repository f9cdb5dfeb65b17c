INSERT INTO items VALUES (1, 'plain');
SET SESSION binlog_transaction_compression = ON;
BEGIN;
INSERT INTO items VALUES (2, REPEAT('b', 2000)), (3, 'c');
UPDATE items SET name = 'compressed' WHERE id = 1;
COMMIT;
DELETE FROM items WHERE id = 3;
SET SESSION binlog_transaction_compression = OFF;
INSERT INTO items VALUES (4, 'plain');
