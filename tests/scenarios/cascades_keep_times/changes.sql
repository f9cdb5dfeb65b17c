INSERT INTO customers VALUES (1), (2), (3);
INSERT INTO orders VALUES (10, 1, 'phone', '2020-01-01 00:00:00', '2020-01-02'), (20, 2, 'case', '2021-01-01 00:00:00', NULL),
  (30, 3, 'plug', '2022-01-01 00:00:00', NULL);
-- wait
DELETE FROM customers WHERE id = 1;
UPDATE customers SET id = 22 WHERE id = 2;
UPDATE orders SET what = 'cable', changed = changed, touched = '2023-01-01' WHERE id = 30;
