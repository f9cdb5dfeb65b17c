"""The benchmark's tables on every engine, and the backlog that a source's own procedures write into its log.

A backlog is a warm-up, a row in `marks`, the part that is measured, and another row in `marks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from benchmarks.servers import Engine, run

TABLE: Final = "bench_rows"
MARKS: Final = "marks"

Operation: TypeAlias = Literal["insert", "update", "delete", "mixed"]

HOT: Final = 100
"""Rows that half of a mixed workload's changes go to."""
_OTHERS_AT: Final = 1_001
_DELETES_AT: Final = 20_001
_INSERTS_AT: Final = 1_000_000_001
_MIXED_UNIT: Final = 10
"""A mixed transaction is a multiple of: three inserts, five updates of hot rows, one of another row, one delete."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a backlog is made of."""

    rows: int
    rows_each: int = 10
    """Changes in a transaction; for `mixed` a multiple of 10."""
    columns: int = 10
    width: int = 0
    """Bytes of the column `note` in every row; 0: a remark of 10 to 40 bytes."""
    operation: Operation = "insert"

    @property
    def transactions(self) -> int:
        return max(1, self.rows // self.rows_each)

    @property
    def warm(self) -> int:
        """Transactions before the first mark, a tenth of those after it."""
        return math.ceil(self.transactions / 10)

    @property
    def warm_changes(self) -> int:
        return self.warm * self.rows_each

    @property
    def changes(self) -> int:
        """Between the marks."""
        return self.transactions * self.rows_each

    @property
    def everything(self) -> int:
        """Changes of the backlog, with the two to `marks`."""
        return self.warm_changes + self.changes + 2

    @property
    def stock(self) -> int:
        """Rows that must be there before."""
        everything = self.warm + self.transactions
        if self.operation == "insert":
            return 0
        if self.operation == "mixed":
            return _DELETES_AT + everything * self.rows_each // _MIXED_UNIT
        return everything * self.rows_each


@dataclass(frozen=True, slots=True)
class _Column:
    """A column's type and its value for row `i`, in either engine."""

    name: str
    postgres_type: str
    mysql_type: str
    postgres: str
    mysql: str


_ID: Final = _Column("id", "bigint PRIMARY KEY", "BIGINT PRIMARY KEY", "i", "i")
_OTHERS: Final = (
    _Column("account", "integer NOT NULL", "INT NOT NULL", "i % 1000", "i % 1000"),
    _Column("name", "varchar(60) NOT NULL", "VARCHAR(60) NOT NULL", "'Name ' || i", "CONCAT('Name ', i)"),
    _Column("amount", "numeric(12, 2)", "DECIMAL(12, 2)", "(i % 100000) / 100.0", "(i % 100000) / 100"),
    _Column(
        "created",
        "timestamptz NOT NULL",
        "DATETIME(6) NOT NULL",
        "timestamptz '2026-01-01 00:00:00+00' + i * interval '1.000001 second'",
        "TIMESTAMP('2026-01-01') + INTERVAL i SECOND + INTERVAL i MICROSECOND",
    ),
    _Column(
        "phone",
        "varchar(24)",
        "VARCHAR(24)",
        "'+8613' || lpad((i % 1000000000)::text, 9, '0')",
        "CONCAT('+8613', LPAD(i % 1000000000, 9, '0'))",
    ),
    _Column("active", "boolean NOT NULL", "TINYINT(1) NOT NULL", "i % 2 = 0", "i % 2 = 0"),
    _Column(
        "day",
        "date",
        "DATE",
        "date '2026-01-01' + (i % 365)::int",
        "DATE('2026-01-01') + INTERVAL (i % 365) DAY",
    ),
    _Column("ratio", "double precision", "DOUBLE", "i / 7.0", "i / 7"),
)


def _columns(shape: Shape) -> list[_Column]:
    """`id`, the other types in turn, and `note` as the last."""
    found = [_ID]
    for number in range(shape.columns - 2):
        like = _OTHERS[number % len(_OTHERS)]
        suffix = f"_{number // len(_OTHERS) + 1}" if number >= len(_OTHERS) else ""
        found.append(_Column(like.name + suffix, like.postgres_type, like.mysql_type, like.postgres, like.mysql))
    return [*found, _note(shape.width)]


def _note(width: int) -> _Column:
    """Of `width` bytes, which PostgreSQL is told not to compress; a short remark for 0."""
    postgres, mysql = "'一段备注 ' || repeat('x', (i % 30)::int)", "CONCAT('一段备注 ', REPEAT('x', i % 30))"
    if width:
        pieces = math.ceil(width / 64)
        postgres = f"left(repeat(encode(sha256(i::text::bytea), 'hex'), {pieces}), {width})"
        mysql = f"LEFT(REPEAT(SHA2(i, 256), {pieces}), {width})"
    return _Column("note", "text", "TEXT", postgres, mysql)


def create(connection: Any, engine: Engine, shape: Shape) -> None:
    """Make both tables and fill in the stock."""
    columns = _columns(shape)
    if engine == "postgresql":
        fields = ", ".join(f"{column.name} {column.postgres_type}" for column in columns)
        run(connection, f"CREATE TABLE {TABLE} ({fields})")
        run(connection, f"ALTER TABLE {TABLE} ALTER COLUMN note SET STORAGE EXTERNAL")
    else:
        fields = ", ".join(f"{column.name} {column.mysql_type}" for column in columns)
        run(connection, f"CREATE TABLE {TABLE} ({fields}) DEFAULT CHARSET utf8mb4")
    run(connection, f"CREATE TABLE {MARKS} (id bigint PRIMARY KEY)")
    run(connection, _procedure(engine, "stock", [_insert(engine, shape, "a", "z")]))
    if shape.stock:
        _call(connection, engine, "stock", 0, math.ceil(shape.stock / 1000), 1000)


def write(connection: Any, engine: Engine, shape: Shape) -> None:
    """Commit the backlog. On MySQL it is not synced to disk at each commit, but is at the end."""
    run(connection, _procedure(engine, "fill", _statements(engine, shape)))
    with _hurried(connection, engine):
        _call(connection, engine, "fill", 0, shape.warm, shape.rows_each)
        mark(connection, 1)
        _call(connection, engine, "fill", shape.warm, shape.transactions, shape.rows_each)
        mark(connection, 2)


def mark(connection: Any, number: int) -> None:
    """Commit a row in `marks`."""
    run(connection, f"INSERT INTO {MARKS} VALUES ({number})")


def marked(connection: Any) -> int:
    """The highest mark that is visible."""
    return int(run(connection, f"SELECT coalesce(max(id), 0) FROM {MARKS}")[0][0])


class _hurried:  # noqa: N801 - used as a function
    """Commits that do not wait for the disk, for as long as the context lasts."""

    _NAMES: Final = ("innodb_flush_log_at_trx_commit", "sync_binlog")

    def __init__(self, connection: Any, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine
        self._before: list[tuple[str, int]] = []

    def __enter__(self) -> None:
        if self._engine == "postgresql":
            run(self._connection, "SET synchronous_commit = off")
            return
        self._before = [(name, run(self._connection, f"SELECT @@{name}")[0][0]) for name in self._NAMES]
        for name in self._NAMES:
            run(self._connection, f"SET GLOBAL {name} = 0")

    def __exit__(self, *_: object) -> None:
        if self._engine == "postgresql":
            run(self._connection, "SET synchronous_commit = on")
        for name, value in self._before:
            run(self._connection, f"SET GLOBAL {name} = {value}")


def _statements(engine: Engine, shape: Shape) -> list[str]:
    match shape.operation:
        case "insert":
            return [_insert(engine, shape, "a", "z")]
        case "update":
            return [_update("a", "z")]
        case "delete":
            return [f"DELETE FROM {TABLE} WHERE id BETWEEN a AND z"]
        case "mixed":
            unit = shape.rows_each // _MIXED_UNIT
            inserted = f"{_INSERTS_AT} + t * {3 * unit}"
            hot = f"1 + (t * {5 * unit}) % {HOT}"
            other = f"{_OTHERS_AT} + (t * 7919) % 10000"
            deleted = f"{_DELETES_AT} + t * {unit}"
            return [
                _insert(engine, shape, inserted, f"{inserted} + {3 * unit - 1}"),
                _update(hot, f"{hot} + {5 * unit - 1}"),
                _update(other, f"{other} + {unit - 1}"),
                f"DELETE FROM {TABLE} WHERE id BETWEEN {deleted} AND {deleted} + {unit - 1}",
            ]


def _insert(engine: Engine, shape: Shape, first: str, last: str) -> str:
    columns = _columns(shape)
    if engine == "postgresql":
        values = ", ".join(column.postgres for column in columns)
        return f"INSERT INTO {TABLE} SELECT {values} FROM generate_series({first}, {last}) AS i"
    values = ", ".join(column.mysql for column in columns)
    return (
        f"INSERT INTO {TABLE} WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
        f" SELECT {values} FROM n"
    )


def _update(first: str, last: str) -> str:
    return (
        f"UPDATE {TABLE} SET account = account + 1, name = CONCAT('Renamed ', id) WHERE id BETWEEN {first} AND {last}"
    )


def _procedure(engine: Engine, name: str, statements: list[str]) -> str:
    body = ";\n".join(statements)
    if engine == "postgresql":
        return f"""
            CREATE PROCEDURE {name}(first bigint, transactions bigint, each bigint) LANGUAGE plpgsql AS $$
            DECLARE a bigint; z bigint;
            BEGIN
              FOR t IN first .. first + transactions - 1 LOOP
                a := 1 + t * each; z := (t + 1) * each;
                {body};
                COMMIT;
              END LOOP;
            END $$"""
    return f"""
        CREATE PROCEDURE {name}(first BIGINT, transactions BIGINT, each_ BIGINT)
        BEGIN
          DECLARE t BIGINT DEFAULT first;
          DECLARE a BIGINT;
          DECLARE z BIGINT;
          WHILE t < first + transactions DO
            SET a = 1 + t * each_, z = (t + 1) * each_;
            {body};
            COMMIT;
            SET t = t + 1;
          END WHILE;
        END"""


def _call(connection: Any, engine: Engine, name: str, first: int, transactions: int, each: int) -> None:
    if engine == "mysql":
        recursion = (
            "max_recursive_iterations" if "MariaDB" in connection.get_server_info() else "cte_max_recursion_depth"
        )
        run(connection, f"SET SESSION {recursion} = {each * 3 + 1}")
        run(connection, "SET autocommit = 0")
    run(connection, f"CALL {name}({first}, {transactions}, {each})")
    if engine == "mysql":
        run(connection, "SET autocommit = 1")
