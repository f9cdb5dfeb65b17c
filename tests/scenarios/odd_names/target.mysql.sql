CREATE TABLE `Tbl; DROP TABLE t; -- %s {}` (`group` integer PRIMARY KEY, `Mixed Case` varchar(20), `日本 %s` varchar(20), `a"b``c` varchar(20));
CREATE TABLE `Номера`
  (abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz_012345678 integer PRIMARY KEY, `order` integer);
