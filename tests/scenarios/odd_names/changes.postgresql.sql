INSERT INTO "Select ""x"" `y`" VALUES (1, 'a', 'b', 'c'), (2, 'd', 'e', 'f'), (3, 'g', 'h', 'i');
INSERT INTO abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_012345678 VALUES (1, 2);
-- wait
UPDATE "Select ""x"" `y`" SET "日本 %s" = 'B', "group" = 10 WHERE "group" = 1;
UPDATE "Select ""x"" `y`" SET "a""b`c" = 'F' WHERE "group" = 2;
DELETE FROM "Select ""x"" `y`" WHERE "group" = 3;
UPDATE abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_012345678 SET "order" = 3;
