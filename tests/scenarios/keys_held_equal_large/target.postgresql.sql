CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE users (login varchar(20) COLLATE anycase PRIMARY KEY, name varchar(20));
