SET time_zone = '-06:00';
INSERT INTO moments VALUES (1, '2024-03-10 01:30:00', '2024-03-10 02:30:00');
INSERT INTO moments VALUES (3, '2024-11-03 01:30:00', '1000-01-01 00:00:00');
SET time_zone = '-05:00';
INSERT INTO moments VALUES (2, '2024-11-03 01:30:00', '2024-11-03 01:30:00.123456');
SET time_zone = '+09:00';
UPDATE moments SET instant = '2024-07-01 00:00:00' WHERE id = 1;
