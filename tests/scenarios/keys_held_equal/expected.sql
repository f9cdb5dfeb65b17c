SELECT login, name FROM users ORDER BY name;
-- ann | 1
-- Bob | 2
-- cyd | 4
-- dee | 6
-- eve | 9
