SELECT id, year, what FROM calls ORDER BY id;
-- 1 | 2024 | moved
-- 2 | 2023 | B
