"""The row decoder against real servers: what it makes of the binlog equals what a SELECT says of the same rows."""

from __future__ import annotations

import math
import random
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cdc_agent.changes import INSERT, UPDATE
from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.values import UNSENT, Kind
from tests.support import servers
from tests.support.mysql_log import LoggedDatabase

RANDOM = random.Random(20240229)
MANY = 300


@pytest.fixture(params=servers.selection().of("mysql", "mariadb"), ids=str)
def log(request: pytest.FixtureRequest) -> Iterator[LoggedDatabase]:
    database = servers.server(request.param).create_database("rows")
    logged = LoggedDatabase(database)
    yield logged
    logged.close()
    database.drop()


def numbers(low: int, high: int) -> list[str]:
    edges = [low, low + 1, high - 1, high, *(n for n in (-1, 0, 1) if low <= n <= high)]
    return [str(number) for number in edges + [RANDOM.randint(low, high) for _ in range(MANY)]]


def decimals(precision: int, scale: int, *, signed: bool = True) -> list[str]:
    limit = 10**precision - 1
    found = [0, 1, limit, *(RANDOM.randint(0, 10 ** RANDOM.randint(1, precision) - 1) for _ in range(MANY))]
    signs = ("", "-") if signed else ("",)
    texts = [f"{sign}{number:0{scale + 1}d}" for number in found for sign in signs]
    return [f"{text[: len(text) - scale]}.{text[len(text) - scale :]}" if scale else text for text in texts]


def fraction(digits: int) -> str:
    number = RANDOM.choice([0, 1, 10**digits - 1, RANDOM.randrange(10**digits), RANDOM.randrange(10) * 10 ** (digits - 1)])
    return f".{number:0{digits}d}"


def clock(digits: int) -> str:
    text = f"{RANDOM.randint(0, 23):02d}:{RANDOM.randint(0, 59):02d}:{RANDOM.randint(0, 59):02d}"
    return text + (fraction(digits) if digits else "")


def dates(first: int, last: int) -> list[str]:
    return [
        f"{RANDOM.randint(first, last):04d}-{RANDOM.randint(1, 12):02d}-{RANDOM.randint(1, 28):02d}" for _ in range(MANY)
    ]


def times(digits: int) -> list[str]:
    part = fraction(digits) if digits else ""
    edges = ["00:00:00", "-00:00:01", "838:59:59", "-838:59:59", "-01:00:00.000001", "-00:00:00.000001", "-12:34:56.9"]
    return edges + [
        f"{RANDOM.choice(['', '-'])}{RANDOM.randint(0, 838):02d}:{RANDOM.randint(0, 59):02d}:{RANDOM.randint(0, 58):02d}{part}"
        for _ in range(MANY)
    ]


def datetimes(digits: int) -> list[str]:
    edges = ["0000-00-00 00:00:00", "2020-00-15 00:00:00", "2020-05-00 10:00:00", "1000-01-01 00:00:00", "9999-12-31 23:59:59"]
    return edges + [f"{day} {clock(digits)}" for day in dates(1, 9999)]


def timestamps(digits: int) -> list[str]:
    edges = ["0000-00-00 00:00:00", "1970-01-01 00:00:01", "2038-01-19 03:14:07", "2024-03-10 02:30:00"]
    return edges + [f"{day} {clock(digits)}" for day in dates(1971, 2037)]


def quoted(texts: list[str]) -> list[str]:
    return [f"'{text}'" for text in texts]


def hexadecimal(longest: int, *, ends: tuple[str, ...] = ()) -> list[str]:
    sizes = [0, 1, longest, *(RANDOM.randint(0, longest) for _ in range(20))]
    return [f"x'{end}'" for end in ends] + [f"x'{RANDOM.randbytes(size).hex()}'" for size in sizes]


AS_TEXT = "CAST(v AS CHAR)"
AS_HEX = "CONCAT('\\\\x', LOWER(HEX(v)))"
TRIMMED = "CAST(v AS CHAR(40)) /* fraction trimmed */"
INSTANT = "CAST(v AS CHAR(40)) /* fraction trimmed, UTC */"

CASES: list[tuple[str, str, Callable[[], list[str]]]] = [
    ("TINYINT", AS_TEXT, lambda: numbers(-128, 127)),
    ("TINYINT UNSIGNED", AS_TEXT, lambda: numbers(0, 255)),
    ("TINYINT(1)", AS_TEXT, lambda: numbers(-128, 127)),
    ("SMALLINT", AS_TEXT, lambda: numbers(-(2**15), 2**15 - 1)),
    ("SMALLINT UNSIGNED", AS_TEXT, lambda: numbers(0, 2**16 - 1)),
    ("MEDIUMINT", AS_TEXT, lambda: numbers(-(2**23), 2**23 - 1)),
    ("MEDIUMINT UNSIGNED", AS_TEXT, lambda: numbers(0, 2**24 - 1)),
    ("INT", AS_TEXT, lambda: numbers(-(2**31), 2**31 - 1)),
    ("INT UNSIGNED", AS_TEXT, lambda: numbers(0, 2**32 - 1)),
    ("BIGINT", AS_TEXT, lambda: numbers(-(2**63), 2**63 - 1)),
    ("BIGINT UNSIGNED", AS_TEXT, lambda: numbers(0, 2**64 - 1)),
    ("YEAR", "CAST(v + 0 AS CHAR)", lambda: ["'0000'", *numbers(1901, 2155)]),
    *((f"DECIMAL({p},{s})", AS_TEXT, lambda p=p, s=s: decimals(p, s)) for p, s in [
        (1, 0), (1, 1), (5, 2), (6, 6), (9, 0), (9, 9), (10, 2), (14, 4), (18, 9), (20, 10), (38, 0), (65, 0), (65, 30), (30, 30),
        (7, 4), (25, 6), (16, 1),
    ]),
    ("DECIMAL(12,3) UNSIGNED", AS_TEXT, lambda: decimals(12, 3, signed=False)),
    ("DECIMAL(8,2) ZEROFILL", "CAST(v + 0.00 AS CHAR)", lambda: decimals(8, 2, signed=False)),
    ("DATE", AS_TEXT, lambda: quoted(["0000-00-00", "2020-00-15", "2020-05-00", "9999-12-31", *dates(1, 9999)])),
    *((f"TIME({d})", TRIMMED, lambda d=d: quoted(times(d))) for d in range(7)),
    *((f"DATETIME({d})", TRIMMED, lambda d=d: quoted(datetimes(d))) for d in range(7)),
    *((f"TIMESTAMP({d}) NULL", INSTANT, lambda d=d: quoted(timestamps(d))) for d in range(7)),
    *((f"BIT({b})", f"LPAD(BIN(v), {b}, '0')", lambda b=b: numbers(0, 2**b - 1)) for b in (1, 3, 8, 9, 24, 63, 64)),
    ("ENUM('a','b c','ü','')", AS_TEXT, lambda: ["1", "2", "3", "4", "0", "'nothing'"]),
    ("SET('a','b','ü','d','e','f','g','h','i')", AS_TEXT, lambda: ["''", *numbers(0, 511)]),
    (f"SET({','.join(repr(f's{n}') for n in range(64))})", AS_TEXT, lambda: ["0", str(2**64 - 1), *numbers(0, 2**64 - 1)]),
    ("CHAR(20)", AS_TEXT, lambda: ["''", "'a'", "'a  '", "'  a'", "'20 characters long :)'", "'😀é\\\\\\t\\n\\'\"'"]),
    ("CHAR(255)", AS_TEXT, lambda: ["''", "REPEAT('😀', 255)", "REPEAT('a', 255)"]),
    ("VARCHAR(63)", AS_TEXT, lambda: ["''", "'a  '", "REPEAT('😀', 63)"]),
    ("VARCHAR(64)", AS_TEXT, lambda: ["''", "'a  '", "REPEAT('😀', 64)"]),
    ("VARCHAR(16000)", AS_TEXT, lambda: ["''", "REPEAT('é', 16000)", "REPEAT('a', 300)"]),
    *((f"{size}TEXT", AS_TEXT, lambda: ["''", "REPEAT('a', 255)", "'😀'"]) for size in ("TINY", "", "MEDIUM", "LONG")),
    ("LONGTEXT", "MD5(v)", lambda: ["REPEAT('é', 300000)"]),
    ("BINARY(8)", AS_HEX, lambda: hexadecimal(8, ends=("0100", "00", "ff20", "0120202020202020"))),
    ("BINARY(255)", AS_HEX, lambda: hexadecimal(255, ends=("0100",))),
    ("VARBINARY(255)", AS_HEX, lambda: hexadecimal(255, ends=("0100", "20"))),
    ("VARBINARY(256)", AS_HEX, lambda: hexadecimal(256)),
    *((f"{size}BLOB", AS_HEX, lambda: hexadecimal(255)) for size in ("TINY", "", "MEDIUM", "LONG")),
]  # fmt: skip


def write(log: LoggedDatabase, declaration: str, literals: list[str], charset: str = "utf8mb4") -> list[Any]:
    """The values that the decoder gives for these literals in a column of this type, and NULL as the last."""
    log.run(f"CREATE TABLE t (id INT PRIMARY KEY, v {declaration}) CHARSET {charset}")
    rows = ", ".join(f"({number}, {literal})" for number, literal in enumerate([*literals, "NULL"]))
    return log.column(log.changes(f"INSERT INTO t VALUES {rows}"))


def selected(log: LoggedDatabase, expression: str) -> list[Any]:
    return [row[0] for row in log.run(f"SELECT {expression} FROM t ORDER BY id")]


def expected(log: LoggedDatabase, expression: str) -> list[bytes | None]:
    values = [value.decode() if isinstance(value, bytes) else value for value in selected(log, expression)]
    if "trimmed" in expression:
        values = [value and re.sub(r"\.?0+$", "", value) if value and "." in value else value for value in values]
    suffix = "+00" if "UTC" in expression else ""
    return [None if value is None else (value + suffix).encode() for value in values]


@pytest.mark.parametrize(("declaration", "expression", "literals"), CASES, ids=[case[0][:30] for case in CASES])
def test_values_equal_what_the_server_selects(
    log: LoggedDatabase, declaration: str, expression: str, literals: Callable[[], list[str]]
) -> None:
    """Every value of every type has the text that the server itself gives it."""
    values = write(log, declaration, literals())
    if expression == "MD5(v)":
        assert len(values[0]) == 600000
        return
    assert values == expected(log, expression)
