"""The benchmark's table on every engine, and the backlog that a source's own procedures write into its log."""

from __future__ import annotations

from typing import Any, Final

POSTGRES_TABLE: Final = """
CREATE TABLE {name} (
    id bigint PRIMARY KEY, account integer NOT NULL, name varchar(60) NOT NULL, phone varchar(24),
    amount numeric(12, 2), active boolean NOT NULL, created timestamptz NOT NULL, day date, ratio double precision, note text
)"""

MYSQL_TABLE: Final = """
CREATE TABLE {name} (
    id BIGINT PRIMARY KEY, account INT NOT NULL, name VARCHAR(60) NOT NULL, phone VARCHAR(24), amount DECIMAL(12, 2),
    active TINYINT(1) NOT NULL, created DATETIME(6) NOT NULL, day DATE, ratio DOUBLE, note TEXT
) DEFAULT CHARSET utf8mb4"""

_POSTGRES_FILL: Final = """
CREATE PROCEDURE fill(transactions bigint, rows_each bigint, start_id bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR t IN 0 .. transactions - 1 LOOP
    INSERT INTO rows_source
    SELECT i, i % 1000, 'Name ' || i, '+8613' || lpad((i % 1000000000)::text, 9, '0'), (i % 100000) / 100.0, i % 2 = 0,
           timestamptz '2026-01-01 00:00:00+00' + i * interval '1.000001 second', date '2026-01-01' + (i % 365)::int,
           i / 7.0, '一段备注 ' || repeat('x', (i % 30)::int)
    FROM generate_series(start_id + t * rows_each, start_id + (t + 1) * rows_each - 1) AS i;
    COMMIT;
  END LOOP;
END $$"""

_MYSQL_FILL: Final = """
CREATE PROCEDURE fill(transactions BIGINT, rows_each BIGINT, start_id BIGINT)
BEGIN
  DECLARE t BIGINT DEFAULT 0;
  WHILE t < transactions DO
    INSERT INTO rows_source
    WITH RECURSIVE n (i) AS (
      SELECT start_id + t * rows_each UNION ALL SELECT i + 1 FROM n WHERE i < start_id + (t + 1) * rows_each - 1
    )
    SELECT i, i % 1000, CONCAT('Name ', i), CONCAT('+8613', LPAD(i % 1000000000, 9, '0')), (i % 100000) / 100,
           i % 2 = 0, TIMESTAMP('2026-01-01') + INTERVAL i SECOND + INTERVAL i MICROSECOND,
           DATE('2026-01-01') + INTERVAL (i % 365) DAY, i / 7, CONCAT('一段备注 ', REPEAT('x', i % 30))
    FROM n;
    COMMIT;
    SET t = t + 1;
  END WHILE;
END"""


def create(connection: Any, engine: str, name: str) -> None:
    """Make the table `name`."""
    _execute(connection, (POSTGRES_TABLE if engine == "postgresql" else MYSQL_TABLE).format(name=name))


def create_fill(connection: Any, engine: str) -> None:
    """Make the procedure that writes the backlog."""
    _execute(connection, _POSTGRES_FILL if engine == "postgresql" else _MYSQL_FILL)


def fill(connection: Any, engine: str, rows: int, rows_each: int, start_id: int = 1) -> None:
    """Commit `rows` rows in transactions of `rows_each`; the connection must be in autocommit."""
    if engine == "postgresql":
        _execute(connection, "SET synchronous_commit = off")
    else:
        _execute(connection, f"SET SESSION {_recursion(connection)} = {rows_each + 1}")
        _execute(connection, "SET autocommit = 0")
    _execute(connection, f"CALL fill({rows // rows_each}, {rows_each}, {start_id})")
    if engine != "postgresql":
        _execute(connection, "SET autocommit = 1")


def _recursion(connection: Any) -> str:
    mariadb = "MariaDB" in connection.get_server_info()
    return "max_recursive_iterations" if mariadb else "cte_max_recursion_depth"


def _execute(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
