SELECT id, what FROM events;
-- 1 | seen
