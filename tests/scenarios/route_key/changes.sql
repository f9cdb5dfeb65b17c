INSERT INTO contacts VALUES ('ann@example.com', 'Ann'), ('bob@example.com', 'Bob'), ('old@example.com', 'new');
-- wait
UPDATE contacts SET name = 'Anna' WHERE email = 'ann@example.com';
UPDATE contacts SET email = 'bobby@example.com' WHERE email = 'bob@example.com';
UPDATE contacts SET name = 'newer' WHERE email = 'old@example.com';
