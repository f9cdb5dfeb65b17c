"""The judge of the tests: reads two databases by plain SELECT and says in which rows they differ.

It shares no code with the product. Every value is fetched as the text or bytes that the server sends, in a session in
UTC, and read as one neutral Python value, in which `==` means the same content in both engines:

numbers, booleans and bits    `Decimal`, so that `1`, `1.0`, `true` and `b'1'` are one; floats `float`
text, enum                    `str`; of `char(n)` without its padding
bytes, uuid                   `bytes`; `str`
JSON and arrays               sorted JSON text with exact numbers; a SET beside an array: its members, sorted
dates and times               `str` without needless zeros, an instant in UTC; an interval without months like TIME

Columns of different types are both read as the narrower of the two: JSON beside text as JSON, a 4-byte float beside a
double as 4 bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

import psycopg
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.converters import conversions

from tests.support import engines
from tests.support.servers import Database
from tests.support.waiting import NeverHappenedError, wait_until

Raw: TypeAlias = str | bytes
Value: TypeAlias = float | Decimal | str | bytes | None
Row: TypeAlias = tuple[Value, ...]
Kind: TypeAlias = Literal[
    "set", "json", "uuid", "float4", "float", "number", "instant", "date", "interval", "char", "bytes", "text"
]

SHOWN_ROWS = 10


@dataclass(frozen=True)
class Match:
    """A table of the source and the one of the target that should hold the same.

    `columns` maps a column of the target to a column of the source or to an SQL expression in the source's dialect;
    without it every column of the target is read under its own name. The rows are told apart by the target's primary
    key, or else by all that they hold. `where` and `target_where` leave rows out of either side. `hints` are functions
    that both sides' values of a target column go through, like `as_bool`.
    """

    source: str
    target: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    key: Sequence[str] = ()
    where: str = ""
    target_where: str = ""
    hints: Mapping[str, Callable[[Value], Value]] = field(default_factory=dict)

    @property
    def target_table(self) -> str:
        return self.target or self.source


def assert_equal(source: Database, target: Database, tables: Iterable[Match | str]) -> None:
    """Fail with the differing rows unless every table of the target holds what the source's table holds."""
    found = differences(source, target, tables)
    assert not found, "\n".join(["source and target differ", *found])


def wait_until_equal(
    source: Database, target: Database, tables: Iterable[Match | str], *, timeout: float = 60.0
) -> None:
    """Compare again and again until nothing differs; fail with the last differences after `timeout` seconds."""
    matches = list(tables)
    last: list[str] = []

    def equal() -> bool:
        last[:] = differences(source, target, matches)
        return not last

    try:
        wait_until(equal, timeout=timeout)
    except NeverHappenedError:
        raise AssertionError("\n".join([f"source and target still differ after {timeout:g} s", *last])) from None


def differences(source: Database, target: Database, tables: Iterable[Match | str]) -> list[str]:
    """What differs, as lines to read; nothing when all is equal."""
    matches = [Match(table) if isinstance(table, str) else table for table in tables]
    assert matches, "nothing to compare"
    return [line for match in matches for line in _compare(source, target, match)]


def rows(database: Database, table: str, columns: Sequence[str] = (), where: str = "") -> list[Row]:
    """The table's rows in neutral values, in an order that depends on them alone."""
    content = _read(database, table, [engines.quote(database.engine, name) for name in columns], where)
    return sorted(_neutral(content, content.kinds, {}), key=repr)


def digest(database: Database, table: str, columns: Sequence[str] = (), where: str = "") -> str:
    """A hash of the table's rows, the same whatever their order."""
    return hashlib.sha256(repr(rows(database, table, columns, where)).encode()).hexdigest()


def as_bool(value: Value) -> Value:
    """A hint: a boolean, however a side spells it."""
    return None if value is None else str(value).lower() in ("1", "t", "true", "y", "yes", "on")


@dataclass(frozen=True)
class _Content:
    """A table as its server sent it."""

    names: list[str]
    kinds: list[Kind]
    rows: list[tuple[Raw | None, ...]]


def _compare(source: Database, target: Database, match: Match) -> list[str]:
    names = [engines.quote(target.engine, name) for name in match.columns]
    there = _read(target, match.target_table, names, match.target_where)
    expressions = [match.columns.get(name) or engines.quote(source.engine, name) for name in there.names]
    here = _read(source, match.source, expressions, match.where)
    kinds = [_narrower(a, b) for a, b in zip(here.kinds, there.kinds, strict=True)]
    hints = {there.names.index(name): hint for name, hint in match.hints.items()}
    expected, actual = _neutral(here, kinds, hints), _neutral(there, kinds, hints)
    title = f"{match.source} → {match.target_table}"
    key = [there.names.index(name) for name in match.key or _primary_key(target, match.target_table)]
    if not key:
        return _compare_without_key(title, expected, actual)
    return _compare_by_key(title, there.names, key, expected, actual)


def _compare_without_key(title: str, expected: list[Row], actual: list[Row]) -> list[str]:
    missing = list((Counter(expected) - Counter(actual)).elements())
    extra = list((Counter(actual) - Counter(expected)).elements())
    return [*_listed(f"{title}: missing in the target", missing), *_listed(f"{title}: only in the target", extra)]


def _compare_by_key(title: str, names: list[str], key: list[int], expected: list[Row], actual: list[Row]) -> list[str]:
    wanted, found = _by_key(title, key, expected), _by_key(title, key, actual)
    missing = [wanted[one] for one in wanted if one not in found]
    extra = [found[one] for one in found if one not in wanted]
    changed = [_change(names, row, found[one]) for one, row in wanted.items() if one in found and row != found[one]]
    return [
        *_listed(f"{title}: missing in the target", missing),
        *_listed(f"{title}: only in the target", extra),
        *_listed(f"{title}: different in source and target", changed),
    ]


def _by_key(title: str, key: list[int], content: list[Row]) -> dict[Row, Row]:
    by_key = {tuple(row[place] for place in key): row for row in content}
    assert len(by_key) == len(content), f"{title}: the key does not tell the rows apart, give `key`"
    return by_key


def _change(names: list[str], expected: Row, actual: Row) -> str:
    columns = zip(names, expected, actual, strict=True)
    return f"{expected!r}: " + ", ".join(f"{name} is {b!r} instead of {a!r}" for name, a, b in columns if a != b)


def _listed(title: str, found: Sequence[object]) -> list[str]:
    if not found:
        return []
    shown = [f"    {one}" for one in found[:SHOWN_ROWS]]
    more = [f"    … and {len(found) - SHOWN_ROWS} more"] if len(found) > SHOWN_ROWS else []
    return [f"{title} ({len(found)}):", *shown, *more]


def _read(database: Database, table: str, expressions: list[str], where: str) -> _Content:
    name = ".".join(engines.quote(database.engine, part) for part in table.split("."))
    origin = f"FROM {name}" + (f" WHERE {where}" if where else "")
    read = _read_postgres if database.server.is_postgres else _read_mysql
    return read(database, expressions, origin)


_POSTGRES_SESSION = """
    SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';
    SET bytea_output = 'hex'; SET extra_float_digits = 1; SET client_encoding = 'UTF8'
"""
_POSTGRES_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("bool", "int2", "int4", "int8", "oid", "numeric", "bit", "varbit"), "number"),
    **dict.fromkeys(("timestamp", "timestamptz"), "instant"),
    **dict.fromkeys(("time", "interval"), "interval"),
    **dict.fromkeys(("json", "jsonb"), "json"),
    "float4": "float4",
    "float8": "float",
    "bytea": "bytes",
    "bpchar": "char",
    "date": "date",
    "uuid": "uuid",
}
_POSTGRES_SPELLINGS: Mapping[str, Callable[[str], Raw]] = {
    "bool": lambda text: str(int(text == "t")),
    "bytea": lambda text: bytes.fromhex(text.removeprefix("\\x")),
    "bit": lambda text: str(int(text, 2)),
    "varbit": lambda text: str(int(text or "0", 2)),
}


def _read_postgres(database: Database, expressions: list[str], origin: str) -> _Content:
    """The text of every value; of an array, its JSON."""
    with closing(database.connect()) as connection:
        assert isinstance(connection, psycopg.Connection)
        connection.execute(_POSTGRES_SESSION)
        cursor = connection.execute(f"SELECT {', '.join(expressions) or '*'} {origin} LIMIT 0".encode())
        described = cursor.description or []
        names = [column.name for column in described]
        types = [_postgres_type(connection, column.type_code) for column in described]
        listed = expressions or [engines.quote("postgres", name) for name in names]
        selected = [f"to_jsonb({one})" if kind == "array" else one for one, kind in zip(listed, types, strict=True)]
        result = connection.execute(f"SELECT {', '.join(selected)} {origin}".encode()).pgresult
        assert result is not None
        spellings = [_POSTGRES_SPELLINGS.get(name, str) for name in types]
        content = [
            tuple(_spelled(spell, result.get_value(row, place)) for place, spell in enumerate(spellings))
            for row in range(result.ntuples)
        ]
    return _Content(names, [_postgres_kind(name) for name in types], content)


def _postgres_type(connection: psycopg.Connection[Any], type_code: int) -> str:
    """The name of a type, below its domain; `array` for every array."""
    query = "SELECT typname, typcategory, typtype, typbasetype FROM pg_type WHERE oid = %s"
    name, category, variant, base = connection.execute(query, (type_code,)).fetchall()[0]
    if variant == "d":
        return _postgres_type(connection, base)
    return "array" if category == "A" else str(name)


def _postgres_kind(name: str) -> Kind:
    return "json" if name == "array" else _POSTGRES_KINDS.get(name, "text")


def _spelled(spell: Callable[[str], Raw], sent: bytes | None) -> Raw | None:
    return None if sent is None else spell(sent.decode())


_MYSQL_SESSION = "SET time_zone = '+00:00', sql_mode = ''"
_MYSQL_KINDS: Mapping[int, Kind] = {
    **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG), "number"),
    **dict.fromkeys((FIELD_TYPE.LONGLONG, FIELD_TYPE.YEAR, FIELD_TYPE.BIT), "number"),
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), "number"),
    **dict.fromkeys((FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP), "instant"),
    FIELD_TYPE.FLOAT: "float4",
    FIELD_TYPE.DOUBLE: "float",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.TIME: "interval",
    FIELD_TYPE.JSON: "json",
}


def _read_mysql(database: Database, expressions: list[str], origin: str) -> _Content:
    """The text or bytes of every value; a FLOAT as a double, since its own text has only six digits."""
    only_encoders = {python: convert for python, convert in conversions.items() if not isinstance(python, int)}
    with closing(database.connect(conv=only_encoders)) as connection:
        engines.run(connection, _MYSQL_SESSION)
        fields, _ = _fetch_mysql(connection, f"SELECT {', '.join(expressions) or '*'} {origin} LIMIT 0")
        listed = expressions or [engines.quote("mysql", one.name) for one in fields]
        kinds = [_mysql_kind(one) for one in fields]
        selected = [f"({one}) + 0e0" if kind == "float4" else one for one, kind in zip(listed, kinds, strict=True)]
        _, sent = _fetch_mysql(connection, f"SELECT {', '.join(selected)} {origin}")
    bits = {place for place, one in enumerate(fields) if one.type_code == FIELD_TYPE.BIT}
    content = [
        tuple(str(int.from_bytes(raw)) if place in bits and raw is not None else raw for place, raw in enumerate(row))
        for row in sent
    ]
    return _Content([one.name for one in fields], kinds, content)


def _fetch_mysql(connection: Any, sql: str) -> tuple[list[Any], list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor._result.fields), list(cursor.fetchall())


def _mysql_kind(one: Any) -> Kind:
    return "set" if one.flags & FLAG.SET else _MYSQL_KINDS.get(one.type_code, "text")


def _primary_key(database: Database, table: str) -> list[str]:
    schema, _, name = table.rpartition(".")
    schema = schema or ("public" if database.server.is_postgres else database.name)
    query = """
        SELECT k.column_name
        FROM information_schema.table_constraints c
        JOIN information_schema.key_column_usage k
          ON k.constraint_name = c.constraint_name AND k.table_schema = c.table_schema AND k.table_name = c.table_name
        WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_schema = %s AND c.table_name = %s
        ORDER BY k.ordinal_position
    """
    return [str(row[0]) for row in database.run(query, (schema, name))]


def _neutral(content: _Content, kinds: list[Kind], hints: Mapping[int, Callable[[Value], Value]]) -> list[Row]:
    readers = [_READERS[kind] for kind in kinds]
    read = [tuple(map(_unless_null, readers, row)) for row in content.rows]
    if not hints:
        return read
    return [tuple(hints[place](value) if place in hints else value for place, value in enumerate(row)) for row in read]


def _unless_null(reader: Callable[[Raw], Value], raw: Raw | None) -> Value:
    return None if raw is None else reader(raw)


def _narrower(one: Kind, other: Kind) -> Kind:
    return min(one, other, key=list(_READERS).index)


def _set(raw: Raw) -> Value:
    text = str(raw)
    members = json.loads(text) if text.startswith("[") else [member for member in text.split(",") if member]
    return ",".join(sorted(map(str, members)))


def _json(raw: Raw) -> Value:
    try:
        return _json_text(json.loads(raw, parse_float=Decimal, parse_int=Decimal))
    except ValueError:
        return raw


def _json_text(document: object) -> str:
    """Sorted, without blanks, and a number in its shortest form."""
    if isinstance(document, dict):
        return "{" + ",".join(f"{_json_text(name)}:{_json_text(document[name])}" for name in sorted(document)) + "}"
    if isinstance(document, list):
        return "[" + ",".join(map(_json_text, document)) + "]"
    if isinstance(document, Decimal):
        return f"{document.normalize():f}" if document else "0"
    return json.dumps(document, ensure_ascii=False)


def _uuid(raw: Raw) -> Value:
    try:
        return str(uuid.UUID(bytes=raw) if isinstance(raw, bytes) else uuid.UUID(raw))
    except ValueError:
        return raw


def _float(raw: Raw) -> Value:
    """NaN as text: it equals nothing, not even itself."""
    try:
        value = float(raw)
    except ValueError:
        return raw
    return value if value == value else "NaN"


def _float4(raw: Raw) -> Value:
    value = _float(raw)
    return float(struct.unpack("f", struct.pack("f", value))[0]) if isinstance(value, float) else value


def _number(raw: Raw) -> Value:
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        return raw
    return value if value.is_finite() else str(value)


def _instant(raw: Raw) -> Value:
    """`2024-01-02 03:04:05.600000+00` as `2024-01-02 03:04:05.6`, and a date as its midnight."""
    text = re.sub(r"\+00(?= |$)", "", str(raw))
    if re.fullmatch(r"\d+-\d\d-\d\d", text):
        return f"{text} 00:00:00"
    return re.sub(r"\.?0+(?= BC|$)", "", text) if "." in text else text


_INTERVAL = re.compile(r"(?:([-+]?\d+) days? ?)?(?:([-+]?)(\d+):(\d\d):(\d\d(?:\.\d+)?))?")


def _interval(raw: Raw) -> Value:
    """Hours, minutes and seconds with one sign, like MySQL's TIME; with months or years as it came."""
    match = _INTERVAL.fullmatch(str(raw))
    if match is None:
        return raw
    days, sign, hours, minutes, seconds = match.groups(default="0")
    clock = (int(hours) * 60 + int(minutes)) * 60 + Decimal(seconds)
    total = int(days) * 86400 + (-clock if sign == "-" else clock)
    rest, second = divmod(abs(total), 60)
    hour, minute = divmod(int(rest), 60)
    return _instant(f"{'-' if total < 0 else ''}{hour:02d}:{minute:02d}:{second:09.6f}")


def _char(raw: Raw) -> Value:
    return raw.rstrip(" ") if isinstance(raw, str) else raw


def _as_sent(raw: Raw) -> Value:
    return raw


# Of two kinds the one that stands first here is the narrower.
_READERS: Mapping[Kind, Callable[[Raw], Value]] = {
    "set": _set,
    "json": _json,
    "uuid": _uuid,
    "float4": _float4,
    "float": _float,
    "number": _number,
    "instant": _instant,
    "date": _as_sent,
    "interval": _interval,
    "char": _char,
    "bytes": _as_sent,
    "text": _as_sent,
}
