SELECT product, region, since, price FROM prices ORDER BY product, region;
-- a | EU | 2024-01-01 | 1.50
-- a | US | 2024-03-01 | 2.00
-- b | EU | 2024-01-01 | 4.00
