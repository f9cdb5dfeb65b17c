"""The row decoder against real servers: what it makes of the binlog equals what a SELECT says of the same rows."""

from __future__ import annotations

import math
import random
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pymysql
import pytest

from cdc_agent.engines.mysql.texts import float4, float8
from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.model.values import UNSENT
from tests.support import servers
from tests.support.mysql_log import LoggedDatabase

RANDOM = random.Random(20240229)
MANY = 300


@pytest.fixture(scope="module", params=servers.selection().of("mysql", "mariadb"), ids=str)
def session(request: pytest.FixtureRequest) -> Iterator[LoggedDatabase]:
    database = servers.server(request.param).create_database("rows")
    logged = LoggedDatabase(database)
    yield logged
    logged.close()
    database.drop()


@pytest.fixture
def log(session: LoggedDatabase) -> Iterator[LoggedDatabase]:
    yield session
    session.run("DROP TABLE IF EXISTS t")
    session.run("SET SESSION binlog_row_image = FULL")


@pytest.fixture
def mysql(log: LoggedDatabase) -> LoggedDatabase:
    if log.mariadb:
        pytest.skip("a feature of MySQL alone")
    return log


@pytest.fixture
def mariadb(log: LoggedDatabase) -> LoggedDatabase:
    if not log.mariadb:
        pytest.skip("a feature of MariaDB alone")
    return log


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
    number = RANDOM.choice(
        [0, 1, 10**digits - 1, RANDOM.randrange(10**digits), RANDOM.randrange(10) * 10 ** (digits - 1)]
    )
    return f".{number:0{digits}d}"


def clock(digits: int) -> str:
    text = f"{RANDOM.randint(0, 23):02d}:{RANDOM.randint(0, 59):02d}:{RANDOM.randint(0, 59):02d}"
    return text + (fraction(digits) if digits else "")


def dates(first: int, last: int) -> list[str]:
    return [
        f"{RANDOM.randint(first, last):04d}-{RANDOM.randint(1, 12):02d}-{RANDOM.randint(1, 28):02d}"
        for _ in range(MANY)
    ]


def times(digits: int) -> list[str]:
    part = fraction(digits) if digits else ""
    edges = ["00:00:00", "-00:00:01", "838:59:59", "-838:59:59", "-01:00:00.000001", "-00:00:00.000001", "-12:34:56.9"]
    return edges + [
        f"{RANDOM.choice(['', '-'])}{RANDOM.randint(0, 837):02d}:{RANDOM.randint(0, 59):02d}:07{part}"
        for _ in range(MANY)
    ]


def datetimes(digits: int) -> list[str]:
    edges = [
        "0000-00-00 00:00:00",
        "2020-00-15 00:00:00",
        "2020-05-00 10:00:00",
        "1000-01-01 00:00:00",
        "9999-12-31 23:59:59",
    ]
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
        (1, 0), (1, 1), (5, 2), (6, 6), (9, 0), (9, 9), (10, 2), (14, 4), (18, 9), (20, 10), (38, 0), (65, 0), (65, 30),
        (30, 30), (7, 4), (25, 6), (16, 1),
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
    (f"SET({','.join(repr(f's{n}') for n in range(64))})", AS_TEXT, lambda: numbers(0, 2**64 - 1)),
    ("CHAR(20)", AS_TEXT, lambda: ["''", "'a'", "'a  '", "'  a'", "'20 characters long :)'", "'😀é\\\\\\t\\n\\'\"'"]),
    ("CHAR(255)", AS_TEXT, lambda: ["''", "REPEAT('😀', 255)", "REPEAT('a', 255)"]),
    ("VARCHAR(63)", AS_TEXT, lambda: ["''", "'a  '", "REPEAT('😀', 63)"]),
    ("VARCHAR(64)", AS_TEXT, lambda: ["''", "'a  '", "REPEAT('😀', 64)"]),
    ("VARCHAR(16000)", AS_TEXT, lambda: ["''", "REPEAT('é', 16000)", "REPEAT('a', 300)"]),
    *((f"{size}TEXT", AS_TEXT, lambda: ["''", "REPEAT('a', 255)", "'😀'"]) for size in ("TINY", "", "MEDIUM", "LONG")),
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
    assert values == expected(log, expression)


def test_values_longer_than_64_kilobytes(log: LoggedDatabase) -> None:
    """A text whose length takes three bytes arrives whole."""
    assert write(log, "LONGTEXT", ["REPEAT('é', 300000)"]) == ["é".encode() * 300000, None]
    log.run("DROP TABLE t")
    assert write(log, "MEDIUMTEXT", ["REPEAT('é', 300000)"]) == ["é".encode() * 300000, None]


def single(number: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def test_doubles_read_back_exactly(log: LoggedDatabase) -> None:
    """The text of a DOUBLE reads back as the double that was stored."""
    stored = [0.0, 0.1, -0.1, 1e15, 1e14, 123456789012345680.0, 1e-5, 1e-4, 1.7976931348623157e308, 1e23, 2.0**53]
    stored += [RANDOM.uniform(-1, 1) * 10.0 ** RANDOM.randint(-300, 300) for _ in range(MANY)]
    values = write(log, "DOUBLE", [f"{number!r}" if "e" in repr(number) else f"{number!r}e0" for number in stored])
    assert [float(value) for value in values[:-1]] == stored


def test_singles_read_back_exactly(log: LoggedDatabase) -> None:
    """The text of a FLOAT reads back as the single-precision number that was stored: 1.1 is 1.1."""
    stored = [0.0, 1.1, -0.1, 16777216.0, 3.4028234e38, 1.17549435e-38, 123456.7, 1e6, 999999.0]
    stored += [RANDOM.uniform(-1, 1) * 10.0 ** RANDOM.randint(-37, 37) for _ in range(MANY)]
    values = write(log, "FLOAT", [repr(number) for number in stored])[:-1]
    assert [single(float(value)) for value in values] == [single(number) for number in stored]
    assert values[1] == b"1.1"


@pytest.mark.parametrize("engine", servers.selection().of("postgres")[-1:], ids=str)
def test_floats_have_the_digits_that_postgresql_prints(engine: servers.ServerSpec) -> None:
    """One number has one text, whichever engine it comes from."""
    bits = [RANDOM.getrandbits(64) for _ in range(2000)]
    doubles = [struct.unpack("<d", struct.pack("<Q", each))[0] for each in bits]
    doubles += [round(RANDOM.uniform(-1e6, 1e6), RANDOM.randint(0, 6)) for _ in range(500)]
    doubles += [float(10**power) * sign for power in range(-5, 25) for sign in (1, -1)] + [1e23, 5e-324, -0.0]
    doubles += [RANDOM.uniform(1e14, 1e17) for _ in range(200)] + [math.inf, -math.inf]
    doubles += [float(RANDOM.getrandbits(53) << RANDOM.randint(1, 60)) for _ in range(2000)]
    singles = [struct.unpack("<f", struct.pack("<I", each >> 32))[0] for each in bits]
    singles += [single(number) for number in doubles if abs(number) < 3e38]
    singles += [single(RANDOM.getrandbits(24) << RANDOM.randint(1, 30)) for _ in range(2000)]
    singles += [struct.unpack("<f", struct.pack("<I", each))[0] for each in range(1, 3000, 7)]
    database = servers.server(engine)
    for kind, stored, text in (("float8", doubles, float8), ("float4", singles, float4)):
        sql = f"SELECT n::{kind}::text FROM unnest(%s::float8[]) WITH ORDINALITY u(n, i) ORDER BY i"
        printed = database.run(sql, ([number for number in stored if number == number],))
        assert [text(number).decode() for number in stored if number == number] == [row[0] for row in printed]


JSON_DOCUMENTS = [
    "'{}'", "'[]'", "'null'", "'1'", "'\"text\"'", "'true'",
    r"""'{"a": {"b": [1, {}, []]}, "longer": "\\u0001\\n\\t\\b\\f\\r\\\\ \\" / é 😀", "": 0, "bb": 1, "aa": 2}'""",
    "JSON_ARRAY(1e0, 0e0, -0e0, 1e14, 1e15, 1e16, 1e-14, 1e-15, 1e-16, 123456789012345e0, 1.5e300, 0.1e0, 5e-324)",
    "JSON_ARRAY(true, false, null, 1, -1, 32767, -32768, 65535, 65536, 2147483647, -2147483648, 4294967295)",
    "JSON_ARRAY(4294967296, 9223372036854775807, -9223372036854775808, 18446744073709551615)",
    "JSON_ARRAY(1.50, -0.001, 12345678901234567890.123, 0.0)",
    "JSON_ARRAY(CAST('2020-01-02' AS DATE), CAST('2020-01-02 03:04:05.678' AS DATETIME(3)))",
    "JSON_ARRAY(CAST('-12:34:56.7' AS TIME(1)), CAST('838:59:59' AS TIME), TIMESTAMP'2020-01-02 03:04:05')",
    "JSON_ARRAY(b'101', x'ff00', REPEAT(x'ff', 100), CAST('abc' AS BINARY(5)))",
    "CAST(ST_GeomFromText('POINT(1 2)') AS JSON)",
    "JSON_OBJECT('k', REPEAT('x', 70000), 'n', 1, 'm', JSON_ARRAY(100000, 2, 3000000000, 'y'))",
    "JSON_ARRAY(REPEAT('x', 127), REPEAT('x', 128), REPEAT('x', 16384))",
    "JSON_OBJECT('y', CAST(2020 AS YEAR))",
]  # fmt: skip


def test_json_has_the_text_that_mysql_prints(mysql: LoggedDatabase) -> None:
    """Binary JSON, with every kind of scalar and both sizes of containers, has the text of CAST(v AS CHAR)."""
    doubles = [f"{RANDOM.uniform(-1, 1) * 10.0 ** RANDOM.randint(-25, 25):e}" for _ in range(MANY)]
    documents = [*JSON_DOCUMENTS, *(f"JSON_ARRAY({number})" for number in doubles)]
    assert write(mysql, "JSON", documents) == expected(mysql, AS_TEXT)


GEOMETRIES = [
    "POINT(1 2)", "LINESTRING(0 0,1 1,2 3)", "POLYGON((0 0,4 0,4 4,0 0))", "MULTIPOINT(1 1,2 2)",
    "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))", "MULTILINESTRING((0 0,1 1),(2 2,3 3))",
    "MULTIPOLYGON(((0 0,4 0,4 4,0 0)))",
]  # fmt: skip


@pytest.mark.parametrize("srid", [0, 4326, 3857])
def test_geometries_are_extended_wkb_with_longitude_first(log: LoggedDatabase, srid: int) -> None:
    """A geometry is what PostGIS would print: WKB with longitude before latitude, and its SRID inside."""
    order = "" if log.mariadb else ", 'axis-order=long-lat'"
    values = write(log, "GEOMETRY", [f"ST_GeomFromText('{text}', {srid}{order})" for text in GEOMETRIES])[:-1]
    plain = [bytes(row[0]) for row in log.run(f"SELECT ST_AsWKB(v{order}) FROM t WHERE v IS NOT NULL ORDER BY id")]
    head = b"\x20" + struct.pack("<I", srid) if srid else b"\x00"
    assert values == [(wkb[:4] + head + wkb[5:]).hex().upper().encode() for wkb in plain]


def character_sets(log: LoggedDatabase) -> list[str]:
    return [str(row[0]) for row in log.run("SHOW CHARACTER SET") if row[0] != "binary"]


def block(start: int) -> str:
    """64 characters from a code point on, without surrogates."""
    return "".join(chr(code) for code in range(start, start + 64) if not 0xD800 <= code < 0xE000)


def test_every_character_of_every_character_set(log: LoggedDatabase) -> None:
    """Whatever a column of any character set can hold arrives as the text that the server converts it to."""
    starts = [*range(0, 0x10000, 64), *range(0x1F300, 0x1F700, 64), *range(0x20000, 0x20400, 64), 0xE0000, 0x10FFC0]
    log.run("CREATE TABLE characters (id INT PRIMARY KEY, v TEXT) CHARSET utf8mb4")
    with log.session.cursor() as cursor:
        rows = [(start, block(start)) for start in starts if block(start)]
        cursor.executemany("INSERT INTO characters VALUES (%s, %s)", rows)
    wrong = []
    for charset in character_sets(log):
        log.run(f"CREATE TABLE t (id INT PRIMARY KEY, v TEXT) CHARSET {charset}")
        values = log.column(log.changes("INSERT IGNORE INTO t SELECT * FROM characters ORDER BY id"))
        if values != expected(log, "CONVERT(v USING utf8mb4)"):
            wrong.append(charset)
        log.run("DROP TABLE t")
    log.run("DROP TABLE characters")
    assert not wrong


DIGITS = "(SELECT '0' x" + "".join(f" UNION ALL SELECT '{digit}'" for digit in "123456789ABCDEF") + ")"


def test_every_byte_of_every_set_that_is_not_unicode(log: LoggedDatabase) -> None:
    """A byte that the server can convert is converted alike; one that it cannot is an error without the value."""
    bytes_ = f"(SELECT CONCAT(a.x, b.x) h FROM {DIGITS} a, {DIGITS} b) bytes"
    for charset in character_sets(log):
        decode = log.charsets.decoder(charset)
        if decode is None or charset.startswith(("utf", "ucs")):
            continue
        for code, text in log.run(
            f"SELECT UNHEX(h), HEX(CONVERT(CONVERT(UNHEX(h) USING {charset}) USING utf8mb4)) FROM {bytes_}"
        ):
            if not text or (text == "3F" and code != b"?"):
                with pytest.raises(DecodeError, match=charset):
                    decode(code)
            else:
                assert decode(code).hex().upper() == text, (charset, code)


def test_every_collation_is_known(log: LoggedDatabase) -> None:
    """A collation that a column can have is found by the id in the log, with its character set."""
    view = "information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
    views = log.run("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE COLUMN_NAME = 'FULL_COLLATION_NAME'")
    name = "FULL_COLLATION_NAME" if views else "COLLATION_NAME"
    names = log.run(f"SELECT {name}, CHARACTER_SET_NAME FROM {view} WHERE CHARACTER_SET_NAME <> 'binary'")
    for start in range(0, len(names), 200):
        chosen = names[start : start + 200]
        columns = ", ".join(f"c{number} VARCHAR(3) COLLATE {name}" for number, (name, _) in enumerate(chosen))
        log.run(f"CREATE TABLE t (id INT PRIMARY KEY, {columns})")
        table = log.table("INSERT INTO t (id) VALUES (1)")
        assert [(column.type.collation, column.type.charset) for column in table.columns[1:]] == chosen
        log.run("DROP TABLE t")


def test_columns_keys_and_signs_come_from_the_log(log: LoggedDatabase) -> None:
    """Names, types, nullability, labels and the primary key in its own order stand in the table map."""
    log.run("""CREATE TABLE t (
        `odd ``name` INT UNSIGNED NOT NULL, y YEAR, a TINYINT UNSIGNED, name VARCHAR(30) CHARACTER SET latin1,
        g GEOMETRY, c CHAR(10) CHARACTER SET gbk, e ENUM('a','é') CHARACTER SET latin1,
        s SET('x','''y') CHARACTER SET utf16, d DECIMAL(5,2) UNSIGNED, f FLOAT UNSIGNED, b LONGBLOB,
        PRIMARY KEY (name(5), `odd ``name`)) CHARSET utf8mb4""")
    table = log.table("INSERT INTO t (`odd ``name`, name) VALUES (4000000000, 'é')")
    assert table.key == (3, 0)
    assert [(column.name, column.type.native, column.type.charset, column.nullable) for column in table.columns] == [
        ("odd `name", "int unsigned", None, False),
        ("y", "year", None, True),
        ("a", "tinyint unsigned", None, True),
        ("name", "varchar(30)", "latin1", False),
        ("g", "geometry", None, True),
        ("c", "char(10)", "gbk", True),
        ("e", "enum('a','é')", "latin1", True),
        ("s", "set('x','''y')", "utf16", True),
        ("d", "decimal(5,2) unsigned", None, True),
        ("f", "float unsigned", None, True),
        ("b", "longblob", None, True),
    ]


def test_generated_and_invisible_columns_are_logged(log: LoggedDatabase) -> None:
    """Both kinds of generated columns, and an invisible one, have their places in the row.

    MariaDB from 11.8.9 on leaves the generated ones out of updates, in both images.
    """
    log.run("""CREATE TABLE t (
        id INT PRIMARY KEY, v INT AS (id + 1) VIRTUAL, s INT AS (id + 2) STORED, h INT DEFAULT 7 INVISIBLE)""")
    insert, update = log.changes("INSERT INTO t (id) VALUES (1)", "UPDATE t SET id = 5")
    assert insert == (1, None, (b"1", b"2", b"3", b"7"))
    if log.database.engine == "mariadb" and update[1] == (b"1", UNSENT, UNSENT, b"7"):
        assert update == (2, (b"1", UNSENT, UNSENT, b"7"), (b"5", UNSENT, UNSENT, b"7"))
    else:
        assert update == (2, (b"1", b"2", b"3", b"7"), (b"5", b"6", b"7", b"7"))


def test_a_minimal_image_leaves_columns_unsent(log: LoggedDatabase) -> None:
    """Under MINIMAL, columns that the log left out are UNSENT, and the key is taken over into the new row."""
    log.run("CREATE TABLE t (id INT PRIMARY KEY, a INT DEFAULT 7, b TEXT)")
    log.run("SET SESSION binlog_row_image = MINIMAL")
    assert log.changes(
        "INSERT INTO t (id) VALUES (8), (9)",
        "UPDATE t SET a = 10 WHERE id = 8",
        "UPDATE t SET id = 11, b = 'new', a = NULL WHERE id = 9",
        "DELETE FROM t WHERE id = 8",
    ) == [
        (1, None, (b"8", UNSENT, UNSENT)),
        (1, None, (b"9", UNSENT, UNSENT)),
        (2, (b"8", UNSENT, UNSENT), (b"8", b"10", UNSENT)),
        (2, (b"9", UNSENT, UNSENT), (b"11", None, b"new")),
        (3, (b"8", UNSENT, UNSENT), None),
    ]


def test_a_row_without_any_column_is_refused(log: LoggedDatabase) -> None:
    """An insert of defaults alone says nothing under MINIMAL, so it stops the pipeline instead of being lost."""
    log.run("CREATE TABLE t (id INT PRIMARY KEY DEFAULT 0, a INT DEFAULT 7)")
    log.run("SET SESSION binlog_row_image = MINIMAL")
    [(table, message)] = log.messages("INSERT INTO t VALUES ()")
    with pytest.raises(LogUnusable, match=r"\.t is logged without any column"):
        table.decode([message])


def test_a_noblob_image_leaves_unchanged_blobs_unsent(log: LoggedDatabase) -> None:
    """Under NOBLOB a text is sent when it changed, and is UNSENT otherwise."""
    log.run("CREATE TABLE t (id INT PRIMARY KEY, a INT, b TEXT)")
    log.run("INSERT INTO t VALUES (1, 1, 'text')")
    log.run("SET SESSION binlog_row_image = NOBLOB")
    assert log.changes("UPDATE t SET a = 2", "UPDATE t SET b = 'new'", "DELETE FROM t") == [
        (2, (b"1", b"1", UNSENT), (b"1", b"2", UNSENT)),
        (2, (b"1", b"2", UNSENT), (b"1", b"2", b"new")),
        (3, (b"1", b"2", UNSENT), None),
    ]


def test_both_versions_of_rows_events_are_read(log: LoggedDatabase) -> None:
    """MySQL writes V2 events, also with the extra data of partitions, and MariaDB V1."""
    log.run("CREATE TABLE t (id INT, a INT) PARTITION BY HASH (id) PARTITIONS 3")
    messages = log.messages(
        "INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)", "UPDATE t SET id = 4 WHERE id = 1", "DELETE FROM t"
    )
    assert {message[0] for _, message in messages} == ({23, 24, 25} if log.mariadb else {30, 31, 32})
    changes = [change for table, message in messages for change in table.decode([message])]
    assert sorted(changes[:3], key=repr) == [
        (1, None, (b"1", b"1")),
        (1, None, (b"2", b"2")),
        (1, None, (b"3", None)),
    ]
    assert changes[3] == (2, (b"1", b"1"), (b"4", b"1"))
    assert len(changes) == 7


def test_more_than_250_columns(log: LoggedDatabase) -> None:
    """The number of columns takes three bytes from 251 on."""
    log.run(f"CREATE TABLE t (id INT PRIMARY KEY, {', '.join(f'c{number} INT' for number in range(600))})")
    [(_, _, row)] = log.changes("INSERT INTO t (id, c0, c599) VALUES (1, 2, 3)")
    assert row == (b"1", b"2", *[None] * 598, b"3")


def test_partial_json_updates_give_the_whole_document(mysql: LoggedDatabase) -> None:
    """The diffs of PARTIAL_JSON are applied to the old document, whatever their operation and path."""
    mysql.run("SET SESSION binlog_row_value_options = PARTIAL_JSON")
    mysql.run("CREATE TABLE t (id INT PRIMARY KEY, j JSON, x INT, k JSON, l JSON)")
    mysql.run(f"""INSERT INTO t VALUES (1, '{{"a": 1, "b": [1, 2, 3], "c": "{"x" * 80}"}}', 1, '[1]', NULL)""")
    partial = 0
    for step in [
        """UPDATE t SET j = JSON_SET(j, '$.a', 2, '$."new key"', CAST('{"x": 1.5}' AS JSON)), x = 2""",
        """UPDATE t SET j = JSON_ARRAY_INSERT(j, '$.b[1]', 'ins'), k = JSON_ARRAY_APPEND(k, '$', 5)""",
        """UPDATE t SET j = JSON_REMOVE(j, '$.c', '$.b[0]')""",
        """UPDATE t SET j = JSON_REPLACE(j, '$.b[0]', NULL), l = '{}'""",
        r"""UPDATE t SET j = JSON_SET(j, '$."quo\\"te"', 1, '$."ключ"', 2, '$.long', REPEAT('y', 80))""",
        """UPDATE t SET j = JSON_SET(j, '$."new key".x', 7)""",
        """UPDATE t SET k = '"whole"', x = 3""",
    ]:
        [(table, message)] = mysql.messages(step)
        partial += message[0] == 39
        [(_, _, new)] = table.decode([message])
        assert new is not None
        for place, name in enumerate("jxkl", start=1):
            assert [new[place]] == expected(mysql, f"CAST({name} AS CHAR)")
    assert partial >= 5
    mysql.run("SET SESSION binlog_row_image = MINIMAL")
    [(table, message)] = mysql.messages("UPDATE t SET j = JSON_SET(j, '$.a', 3)")
    mysql.run("SET SESSION binlog_row_value_options = ''")
    with pytest.raises(LogUnusable, match="without the old document"):
        table.decode([message])


def test_vectors_are_bytes(log: LoggedDatabase) -> None:
    """MySQL 9 and MariaDB 11.7 have vectors; they are their little-endian floats."""
    make = "VEC_FromText" if log.mariadb else "STRING_TO_VECTOR"
    try:
        [value, _] = write(log, "VECTOR(2)", [f"{make}('[1,2]')"])
    except pymysql.err.MySQLError:
        pytest.skip("this server has no vectors")
    assert value == b"\\x" + struct.pack("<2f", 1, 2).hex().encode()


def test_an_invisible_primary_key_is_a_key(mysql: LoggedDatabase) -> None:
    """The key that MySQL generates for a table without one identifies its rows."""
    mysql.run("SET SESSION sql_generate_invisible_primary_key = ON")
    mysql.run("CREATE TABLE t (a INT)")
    mysql.run("SET SESSION sql_generate_invisible_primary_key = OFF")
    table = mysql.table("INSERT INTO t VALUES (1)")
    assert (table.columns[0].name, table.key) == ("my_row_id", (0,))


def test_compressed_columns_are_inflated(mariadb: LoggedDatabase) -> None:
    """COMPRESSED columns arrive as what was written, stored deflated or not."""
    mariadb.run("""CREATE TABLE t (
        id INT PRIMARY KEY, a TEXT COMPRESSED, b VARCHAR(255) COMPRESSED, c BLOB COMPRESSED,
        d VARBINARY(300) COMPRESSED, e LONGTEXT COMPRESSED CHARACTER SET latin1) CHARSET utf8mb4""")
    changes = mariadb.changes(
        "INSERT INTO t VALUES (1, REPEAT('é', 1000), REPEAT('b', 255), REPEAT('c', 60000), REPEAT('d', 300), 'é')",
        "INSERT INTO t VALUES (2, '', '', '', '', ''), (3, 'a', 'b', 'c', 'd', REPEAT('é', 200))",
        "SET column_compression_zlib_wrap = ON",
        "INSERT INTO t VALUES (4, REPEAT('a', 200), REPEAT('b', 200), REPEAT('c', 200), REPEAT('d', 200), NULL)",
        "SET column_compression_zlib_wrap = OFF",
    )
    assert [new[1:] for _, _, new in changes if new] == [
        ("é".encode() * 1000, b"b" * 255, b"\\x" + b"63" * 60000, b"\\x" + b"64" * 300, "é".encode()),
        (b"", b"", b"\\x", b"\\x", b""),
        (b"a", b"b", b"\\x63", b"\\x64", "é".encode() * 200),
        (b"a" * 200, b"b" * 200, b"\\x" + b"63" * 200, b"\\x" + b"64" * 200, None),
    ]


def test_uuid_and_inet_are_the_bytes_that_the_log_has(mariadb: LoggedDatabase) -> None:
    """The log does not tell MariaDB's uuid and inet types from BINARY, so they are bytes, in their written order."""
    if mariadb.database.server.spec.order < (10, 7):
        pytest.skip("only MariaDB from 10.7 on has the type uuid")
    mariadb.run("CREATE TABLE t (id INT PRIMARY KEY, u UUID, i INET6)")
    [(_, _, row)] = mariadb.changes("INSERT INTO t VALUES (1, '11112222-3333-4444-5555-666677778888', '2001:db8::ff')")
    assert row == (b"1", b"\\x11112222333344445555666677778888", b"\\x20010db80000000000000000000000ff")


def test_mariadb_json_is_text(mariadb: LoggedDatabase) -> None:
    """MariaDB's JSON is a LONGTEXT with a check, and keeps the text as it was written."""
    assert write(mariadb, "JSON", ["""'{"b":1,  "a":[ ]}'"""])[0] == b'{"b":1,  "a":[ ]}'


@pytest.mark.parametrize("spec", servers.selection().of("mysql", "mariadb"), ids=str)
def test_minimal_metadata_is_refused_for_wanted_tables_alone(spec: servers.ServerSpec) -> None:
    """Without full metadata a table map still names its table, and only describing it fails, with what to run."""
    server = servers.launch(spec, {"binlog_row_metadata": "MINIMAL"}, in_memory=True)
    log = LoggedDatabase(server.create_database("minimal"))
    log.run("CREATE TABLE t (id INT PRIMARY KEY)")
    with pytest.raises(LogUnusable) as raised:
        log.table("INSERT INTO t VALUES (1)")
    assert f"{log.database.name}.t" in str(raised.value)
    assert "SET GLOBAL binlog_row_metadata = FULL" in raised.value.advice
    log.close()
    log.database.drop()
    server.remove()
