SELECT login, name FROM users ORDER BY login;
-- ann | small
-- BOB | Bobby
