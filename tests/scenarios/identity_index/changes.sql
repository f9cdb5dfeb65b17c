INSERT INTO phones VALUES (1, '+1', 'Ann'), (2, '+2', 'Bob'), (3, '+3', 'Cyd');
-- wait
UPDATE phones SET owner = 'Anna' WHERE id = 1;
UPDATE phones SET number = '+22' WHERE id = 2;
DELETE FROM phones WHERE id = 3;
