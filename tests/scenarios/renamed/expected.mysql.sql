SELECT number, `display name`, mobile, origin, `rank`, own FROM customers ORDER BY number;
-- 1 | Ann | +1 | phone system | 7 | own
-- 2 | Bobby | +2 | phone system | 7 | kept
-- 30 | Cyd | +3 | phone system | 7 | own
