SELECT id, name FROM customers ORDER BY id;
-- 2 | Rob
-- 5 | Dan
SELECT id, customer, remark FROM orders ORDER BY id;
-- 10 | 2 | kept
-- 30 | 2 | own
-- 40 | 2 | kept
-- 41 | 5 | own
SELECT orders, line FROM order_lines ORDER BY orders;
-- 10 | 1
-- 40 | 1
