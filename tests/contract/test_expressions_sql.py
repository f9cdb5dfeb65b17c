"""The proof of "semantics are SQL's": compiled expressions against the same expressions computed by the servers.

The oracle is the server: each expression of `expressions/*.txt` is selected for every row, and the text that comes
back is compared with the canonical text of the compiled function. Where the server refuses, the function must too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from cdc_agent.conversions.base import MisfitError
from cdc_agent.engines.mysql.types import from_column_type
from cdc_agent.errors import ExpressionError
from cdc_agent.expressions.expression import Expression, compile_expression
from cdc_agent.model.values import Kind, Type
from tests.support.expressions import evaluated
from tests.support.servers import Server

CASES = Path(__file__).parent / "expressions"

POSTGRES_COLUMNS = {
    "i": ("integer", Type(Kind.INTEGER, "integer", precision=32)),
    "j": ("bigint", Type(Kind.INTEGER, "bigint", precision=64)),
    "n": ("numeric(12,3)", Type(Kind.DECIMAL, "numeric(12,3)", precision=12, scale=3)),
    "m": ("numeric", Type(Kind.DECIMAL, "numeric")),
    "f": ("double precision", Type(Kind.FLOAT, "double precision", precision=64)),
    "s": ('text COLLATE "C.utf8"', Type(Kind.TEXT, "text")),
    "r": ("varchar(40)", Type(Kind.TEXT, "character varying(40)", length=40)),
    "c": ("char(6)", Type(Kind.TEXT, "character(6)", length=6, fixed=True)),
    "b": ("boolean", Type(Kind.BOOL, "boolean")),
    "d": ("date", Type(Kind.DATE, "date")),
    "ts": ("timestamp", Type(Kind.TIMESTAMP, "timestamp without time zone", precision=6)),
    "tz": ("timestamptz", Type(Kind.INSTANT, "timestamp with time zone", precision=6)),
    "iv": ("interval", Type(Kind.INTERVAL, "interval", precision=6)),
    "by": ("bytea", Type(Kind.BYTES, "bytea")),
    "js": ("jsonb", Type(Kind.JSON, "jsonb")),
    "u": ("uuid", Type(Kind.UUID, "uuid")),
    "e": ("level", Type(Kind.ENUM, "level", labels=("low", "high"))),
}
POSTGRES_ROWS: list[tuple[str | None, ...]] = [
    ("1", "2", "12.500", "3.14159", "0.5", "abc", "b%", "ab    ", "t", "2024-02-29", "2024-02-29 10:11:12.345678",
     "2024-07-01 00:30:00+00", "P1DT2H", "\\x0aff5c", '{"a": "x", "l": [1, "two", null], "n": 1.50, "o": {"x": 1}}',
     "123e4567-e89b-12d3-a456-426614174000", "low"),
    ("7", "-3", "-0.005", "-12345678.9", "-2.5", "  aB cé ", "_", "é     ", "f", "2023-12-31", "2024-01-01 00:00:00",
     "2024-03-31 01:30:00.5+00", "P1Y2M3DT-4H", "\\x", '{"a": null}', "00000000-0000-0000-0000-000000000000", "high"),
    ("-8", "0", "99.999", "0.000001234", "1e+20", "", "", "      ", "t", "1999-12-27", "1999-12-31 23:59:59.999999",
     "1969-12-31 23:59:59.25+00", "PT0S", "\\x00", "[1, 2]", "ffffffff-ffff-ffff-ffff-ffffffffffff", "low"),
    ("2147483647", "9223372036854775807", "0.000", "NaN", "NaN", "a100% 'q' \\ \n z", "a\\_%", "abcdef", "f",
     "2000-01-01", "2000-02-28 12:00:00", "2000-01-01 00:00:00+00", "P-1D", "\\xc3a9", '"text"',
     "123e4567-e89b-12d3-a456-426614174000", "high"),
    (None,) * 17,
]  # fmt: skip

MYSQL_COLUMNS = {
    "i": "int", "j": "bigint", "un": "int unsigned", "n": "decimal(12,3)", "m": "decimal(20,6)", "f": "double",
    "s": "varchar(60)", "r": "varchar(40)", "c": "char(6)", "l1": "varchar(20) CHARACTER SET latin1",
    "bn": "varchar(20) COLLATE utf8mb4_bin", "b": "tinyint(1)", "d": "date", "ts": "datetime(6)", "tm": "time(3)",
    "ba": "varbinary(20)", "js": "json", "e": "enum('low','high')", "st": "set('x','y','z')", "y": "year",
    "bt": "bit(5)",
}  # fmt: skip
MYSQL_ROWS: list[tuple[Any, ...]] = [
    (1, 2, 3, "12.500", "3.141590", 0.5, "abc", "b%", "ab", "é", "abc", 1, "2024-02-29", "2024-02-29 10:11:12.345678",
     "10:11:12.345", b"\x0a\xff", '{"a": "x", "l": [1, "two", null], "n": 1.50, "o": {"x": 1}}', "low", "x,z", 2024, 5),
    (7, -3, 0, "-0.005", "-12345678.900000", -2.5, "  aB cé ", "_", "é", "abc", "ABC", 0, "2023-12-31",
     "2024-01-01 00:00:00", "-01:02:03", b"", '{"a": null}', "high", "", 1999, 0),
    (-8, 0, 4294967295, "99.999", "0.000001", 1e20, "", "", "", "", "", 2, "1999-12-27", "1999-12-31 23:59:59.999999",
     "100:00:00.5", b"\x00", "[1, 2]", "low", "y", 0, 31),
    (2147483647, 10, 1, "0.000", "7.000000", 1234.5, "école 12 \\ \n z", "a\\_%", "abcdef", "ß", "Abc", 1, "2000-01-01",
     "2000-02-28 12:00:00", "00:00:00", b"\xc3\xa9", '"text"', "high", "x,y,z", 2155, 1),
    (None,) * 21,
]  # fmt: skip


def cases(name: str) -> list[str]:
    lines = (CASES / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


NO_SUCH_FUNCTION = 1305
ABSENT = object()
"""The server has no such function: MySQL 9 moved MD5 and SHA1 into a component."""
REFUSED = object()
"""Stands for an error of the server, and for a misfit of the function."""


def computed(expression: Expression, row: dict[str, bytes | None]) -> Any:
    try:
        result = evaluated(expression, [row[name] for name in expression.reads])
    except MisfitError:
        return REFUSED
    return None if result is None else result.decode()


def difference(expression: Expression, row: dict[str, bytes | None], expected: Any) -> str | None:
    if expected is ABSENT:
        return None
    ours = computed(expression, row)
    if ours is REFUSED and expected is REFUSED:
        return None
    if ours is REFUSED or expected is REFUSED or ours is None or expected is None:
        same = ours is expected
    else:
        kind, scaled = expression.type.kind, expression.dialect == "mysql"
        same = normal(ours, kind, scaled=scaled) == normal(expected, kind, scaled=scaled)
    if same:
        return None
    shown = ["refused" if value is REFUSED else repr(value) for value in (expected, ours)]
    return f"{expression.text}: server {shown[0]}, compiled {shown[1]}  [{expression.type.kind.value}]"


def normal(text: str, kind: Kind, *, scaled: bool) -> Any:
    """Spellings of one value that are no difference between the engines' texts and ours.

    `scaled`: MySQL and MariaDB pad decimals by rules of their own, each version differently.
    """
    if kind is Kind.FLOAT:
        number = float(text)
        return "NaN" if math.isnan(number) else float(f"{number:.13g}")
    if kind is Kind.BOOL:
        return text in ("t", "true", "1")
    if kind in (Kind.TIMESTAMP, Kind.TIME):
        return re.sub(r"(\.\d*?)0+$", r"\1", text).rstrip(".")
    if kind is Kind.BYTES:
        return text.lower()
    if kind is Kind.DECIMAL and scaled:
        return Decimal(text)
    return text


# --- PostgreSQL --------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres_rows(any_postgres: Server) -> Iterator[tuple[psycopg.Connection[Any], list[dict[str, bytes | None]]]]:
    database = any_postgres.create_database("expressions")
    columns = ", ".join(f"{name} {declared}" for name, (declared, _) in POSTGRES_COLUMNS.items())
    with closing(psycopg.connect(database.url(), autocommit=True)) as connection:
        connection.execute("SET timezone = 'UTC'; SET intervalstyle = 'iso_8601'; SET extra_float_digits = 3")
        connection.execute("CREATE TYPE level AS ENUM ('low', 'high')")
        connection.execute(f"CREATE TABLE t (id serial, {columns})")
        marks = ", ".join(f"%s::{declared.split(' COLLATE')[0]}" for declared, _ in POSTGRES_COLUMNS.values())
        for row in POSTGRES_ROWS:
            connection.execute(f"INSERT INTO t ({', '.join(POSTGRES_COLUMNS)}) VALUES ({marks})", row)
        rows = [
            {name: None if v is None else v.encode() for name, v in zip(POSTGRES_COLUMNS, row, strict=True)}
            for row in POSTGRES_ROWS
        ]
        yield connection, rows
    database.drop()


def test_postgresql_expressions_mean_what_postgresql_says(
    postgres_rows: tuple[psycopg.Connection[Any], list[dict[str, bytes | None]]],
) -> None:
    """Every expression gives for every row the text that PostgreSQL gives, or is refused where PostgreSQL refuses."""
    connection, rows = postgres_rows
    types = {name: type_ for name, (_, type_) in POSTGRES_COLUMNS.items()}

    def ask(text: str, number: int) -> Any:
        try:
            row = connection.execute(f"SELECT ({text})::text FROM t WHERE id = {number}").fetchone()
        except psycopg.DataError:
            return REFUSED
        assert row is not None
        return row[0]

    failures = compare(cases("postgres.txt"), types, "postgres", rows, ask)
    assert not failures, f"{len(failures)} differences:\n" + "\n".join(failures)


def compare(
    texts: list[str],
    types: dict[str, Type],
    dialect: str,
    rows: list[dict[str, bytes | None]],
    ask: Callable[[str, int], Any],
) -> list[str]:
    failures = []
    for text in texts:
        try:
            expression = compile_expression(text, types, dialect)
        except ExpressionError as error:
            failures.append(error.render())
            continue
        for number, row in enumerate(rows, 1):
            found = difference(expression, row, ask(text, number))
            if found:
                failures.append(f"row {number}: {found}")
    return failures


# --- MySQL and MariaDB -------------------------------------------------------------------------------------------


@pytest.fixture
def mysql_rows(any_mysql: Server) -> Iterator[tuple[Any, dict[str, Type], list[dict[str, bytes | None]]]]:
    database = any_mysql.create_database("expressions")
    with closing(database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'")
        columns = ", ".join(f"{name} {declared}" for name, declared in MYSQL_COLUMNS.items())
        cursor.execute(f"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, {columns}) CHARACTER SET utf8mb4")
        marks = ", ".join(["%s"] * len(MYSQL_COLUMNS))
        for row in MYSQL_ROWS:
            cursor.execute(f"INSERT INTO t ({', '.join(MYSQL_COLUMNS)}) VALUES ({marks})", row)
        types = _mysql_types(cursor, database.name)
        yield cursor, types, [_canonical_row(row, types) for row in MYSQL_ROWS]
    database.drop()


def _mysql_types(cursor: Any, schema: str) -> dict[str, Type]:
    cursor.execute(
        "SELECT column_name, column_type, character_set_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = 't' AND column_name <> 'id'",
        (schema,),
    )
    return {
        name: from_column_type(declared, charset, collation, json=name == "js")
        for name, declared, charset, collation in cursor.fetchall()
    }


def _canonical_row(row: tuple[Any, ...], types: dict[str, Type]) -> dict[str, bytes | None]:
    return {
        name: None if value is None else _canonical(value, types[name])
        for name, value in zip(MYSQL_COLUMNS, row, strict=True)
    }


def _canonical(value: Any, type_: Type) -> bytes:
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if type_.kind is Kind.BIT:
        return format(value, f"0{type_.length}b").encode()
    return str(value).encode()


def test_mysql_expressions_mean_what_mysql_says(
    any_mysql: Server, mysql_rows: tuple[Any, dict[str, Type], list[dict[str, bytes | None]]]
) -> None:
    """Every expression gives for every row the text that the server gives, or is refused where the server refuses."""
    cursor, types, rows = mysql_rows
    texts = [text for text in cases("mysql.txt") if any_mysql.engine == "mysql" or not _only_mysql(text)]

    def ask(text: str, number: int) -> Any:
        try:
            cursor.execute(f"SELECT ({text}), CAST(({text}) AS CHAR) FROM t WHERE id = {number}".replace("%", "%%"), ())
        except pymysql.MySQLError as error:
            return ABSENT if error.args[0] == NO_SUCH_FUNCTION else REFUSED
        value, as_text = cursor.fetchone()
        if isinstance(value, bytes):
            return f"\\x{value.hex()}"
        return as_text

    failures = compare(texts, types, "mysql", rows, ask)
    assert not failures, f"{len(failures)} differences:\n" + "\n".join(failures)


def _only_mysql(text: str) -> bool:
    """MariaDB has no arrows for JSON, prints JSON as it was written, and differs in what docs/mapping.md names."""
    return "->" in text or text.startswith(
        ("json_object", "json_array", "json_extract", "time_to_sec", "regexp_substr")
    )
