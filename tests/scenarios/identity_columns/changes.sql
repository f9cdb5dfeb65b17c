INSERT INTO tickets (what) VALUES ('a'), ('b'), ('c');
-- wait
UPDATE tickets SET what = 'B' WHERE id = 1001;
DELETE FROM tickets WHERE id = 1000;
INSERT INTO tickets (what) VALUES ('d');
