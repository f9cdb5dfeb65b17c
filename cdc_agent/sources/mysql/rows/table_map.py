"""Takes a TABLE_MAP event apart: bytes in, a table's name, its columns and its primary key out.

The layout is that of `Table_map_event` in MySQL's libs/mysql/binlog/event/rows_event.h, with the optional metadata
that `binlog_row_metadata = FULL` adds; MariaDB writes the same from 10.5 on. Without that metadata the names, labels
and signs are not in the log, and they are never guessed from today's catalogue: `parse` raises LogUnusable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.sources.mysql.rows import columns as codes
from cdc_agent.sources.mysql.rows.charsets import Charsets, Collation
from cdc_agent.sources.mysql.rows.columns import Logged
from cdc_agent.sources.mysql.rows.wire import Cursor

FULL_METADATA_HINT: Final = (
    "run SET GLOBAL binlog_row_metadata = FULL on the source (and put it into its configuration file); rows logged "
    "before that cannot be read, so copy the table's rows again and run teardown and setup"
)

_SIGNEDNESS = 1
_DEFAULT_CHARSET = 2
_COLUMN_CHARSET = 3
_COLUMN_NAME = 4
_SET_LABELS = 5
_ENUM_LABELS = 6
_GEOMETRY_TYPE = 7
_SIMPLE_KEY = 8
_PREFIX_KEY = 9
_LABEL_DEFAULT_CHARSET = 10
_LABEL_COLUMN_CHARSET = 11
_VISIBILITY = 12
_VECTOR_DIMENSION = 13
_KNOWN = range(_SIGNEDNESS, _VECTOR_DIMENSION + 1)

_ONE_BYTE = {codes.FLOAT, codes.DOUBLE, codes.JSON, codes.GEOMETRY, codes.VECTOR, codes.BLOB_COMPRESSED}
_ONE_BYTE |= codes.BLOBS | {codes.TIMESTAMP2, codes.DATETIME2, codes.TIME2}
_TWO_BYTES = codes.STRINGS | {codes.BIT, codes.NEWDECIMAL, codes.ENUM, codes.SET}
_NO_BYTES = {*codes.INTEGERS, codes.TIMESTAMP, codes.DATE, codes.TIME, codes.DATETIME, codes.YEAR, codes.NEWDATE}
_DATETIME_DIGITS = {codes.TIMESTAMP2, codes.DATETIME2, codes.TIME2}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one TABLE_MAP says."""

    schema: str
    name: str
    columns: tuple[Logged, ...]
    key: tuple[int, ...]
    """Indexes of the primary key's columns, in the key's order."""


def parse_name(body: bytes) -> tuple[int, str, str, int]:
    """(table id, schema, table, where the columns begin): all that an unwanted table costs."""
    cursor = Cursor(body, "a table map")
    table_id = cursor.integer(6)
    cursor.take(2)  # flags
    names = []
    for _ in range(2):
        names.append(_text(cursor.packed_bytes(), "a table map's name"))
        cursor.take(1)  # the terminating NUL
    return table_id, names[0], names[1], cursor.position


def parse(body: bytes, charsets: Charsets, *, mariadb: bool) -> Parsed:
    """Everything; DecodeError when it is not understood, LogUnusable when the metadata is not FULL."""
    _, schema, name, position = parse_name(body)
    label = f"{schema}.{name}"
    cursor = Cursor(body, f"the table map of {label}", position)
    found = _columns(cursor)
    fields = _fields(cursor)
    if _COLUMN_NAME not in fields:
        raise LogUnusable(
            f"table {label} is logged without its column names (binlog_row_metadata is not FULL)",
            hint=FULL_METADATA_HINT,
        )
    described = _Describer(cursor.what, found, fields, charsets, mariadb)
    return Parsed(schema, name, described.columns(), described.key())


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise DecodeError(f"{what} is not UTF-8") from None


def _columns(cursor: Cursor) -> list[Logged]:
    count = cursor.packed()
    types = cursor.take(count)
    metadata = Cursor(cursor.packed_bytes(), cursor.what)
    columns = [_column(code, metadata) for code in types]
    if metadata.left:
        raise DecodeError(f"{cursor.what} has {metadata.left} bytes of column metadata too many")
    nullable = _bits_low_first(cursor.take((count + 7) // 8), count)
    return [replace(column, nullable=null) for column, null in zip(columns, nullable, strict=True)]


def _column(code: int, metadata: Cursor) -> Logged:
    if code in _NO_BYTES:
        return Logged("", code)
    if code in _DATETIME_DIGITS:
        return Logged("", code, precision=metadata.integer(1))
    if code in _ONE_BYTE:
        return Logged("", code, size=metadata.integer(1))
    if code in _TWO_BYTES:
        return _column_of_two(code, metadata.take(2))
    raise DecodeError(f"{metadata.what} has a column of type {code}, which this version does not know")


def _column_of_two(code: int, metadata: bytes) -> Logged:
    first, second = metadata
    if code == codes.NEWDECIMAL:
        return Logged("", code, precision=first, scale=second)
    if code == codes.BIT:
        bits = second * 8 + first
        return Logged("", code, size=(bits + 7) // 8, precision=bits)
    if code in {codes.STRING, codes.ENUM, codes.SET}:
        return _unwrapped(first, second)
    return Logged("", code, size=first | second << 8)


def _unwrapped(first: int, second: int) -> Logged:
    """STRING hides ENUM and SET in its first byte, and there also bits 8 and 9 of its length, inverted."""
    if first & 0x30 != 0x30:
        return Logged("", first | 0x30, size=second | ((first & 0x30) ^ 0x30) << 4)
    if first not in {codes.STRING, codes.ENUM, codes.SET}:
        raise DecodeError(f"a table map hides type {first} in a string column")
    return Logged("", first, size=second)


def _bits_low_first(raw: bytes, count: int) -> list[bool]:
    return [bool(raw[index >> 3] >> (index & 7) & 1) for index in range(count)]


def _bits_high_first(raw: bytes, count: int, what: str) -> list[bool]:
    if len(raw) != (count + 7) // 8:
        raise DecodeError(f"{what} has {len(raw)} bytes of flags for {count} columns")
    return [bool(raw[index >> 3] << (index & 7) & 0x80) for index in range(count)]


def _fields(cursor: Cursor) -> dict[int, bytes]:
    fields = {}
    while cursor.left:
        kind = cursor.integer(1)
        if kind not in _KNOWN:
            raise DecodeError(f"{cursor.what} has optional metadata of kind {kind}, which this version does not know")
        fields[kind] = cursor.packed_bytes()
    return fields


class _Describer:
    """Deals the optional metadata out to the columns that each field is about."""

    def __init__(
        self, what: str, found: list[Logged], fields: dict[int, bytes], charsets: Charsets, mariadb: bool
    ) -> None:
        self._what = what
        self._mariadb = mariadb
        self._found = found
        self._fields = fields
        self._charsets = charsets

    def columns(self) -> tuple[Logged, ...]:
        names = list(self._names())
        unsigned = self._unsigned()
        collations = self._collations()
        labels = self._labels(collations)
        geometry = self._geometry()
        visible = self._visible()
        return tuple(
            replace(
                column,
                name=names[index],
                unsigned=unsigned.get(index, False),
                charset=collations[index].charset if index in collations else None,
                collation=collations[index].name if index in collations else None,
                width=collations[index].width if index in collations else 1,
                labels=labels.get(index, ()),
                geometry=geometry.get(index, 0),
                visible=visible[index],
            )
            for index, column in enumerate(self._found)
        )

    def key(self) -> tuple[int, ...]:
        """A key of prefixes identifies a row by the whole columns as well."""
        key = self._numbers(_SIMPLE_KEY) or self._numbers(_PREFIX_KEY)[::2]
        if any(index >= len(self._found) for index in key):
            raise DecodeError(f"{self._what} has a primary key on a column that does not exist")
        return tuple(key)

    def _where(self, has: Callable[[int], bool]) -> list[int]:
        return [index for index, column in enumerate(self._found) if has(column.code)]

    def _cursor(self, kind: int) -> Cursor:
        return Cursor(self._fields.get(kind, b""), self._what)

    def _numbers(self, kind: int) -> list[int]:
        return self._cursor(kind).packed_all()

    def _names(self) -> Iterator[str]:
        cursor = self._cursor(_COLUMN_NAME)
        for _ in self._found:
            yield _text(cursor.packed_bytes(), f"a column name in {self._what}")

    def _unsigned(self) -> dict[int, bool]:
        numeric = self._where(codes.NUMERIC.__contains__)
        if not numeric:
            return {}
        flags = _bits_high_first(self._fields.get(_SIGNEDNESS, b""), len(numeric), self._what)
        return dict(zip(numeric, flags, strict=True))

    def _visible(self) -> list[bool]:
        if _VISIBILITY not in self._fields:
            return [True] * len(self._found)
        return _bits_high_first(self._fields[_VISIBILITY], len(self._found), self._what)

    def _geometry(self) -> dict[int, int]:
        return dict(zip(self._where(codes.GEOMETRY.__eq__), self._numbers(_GEOMETRY_TYPE), strict=False))

    def _collations(self) -> dict[int, Collation]:
        texts = self._where(lambda code: code in codes.CHARACTER or self._counts(code))
        labelled = self._where({codes.ENUM, codes.SET}.__contains__)
        found = self._dealt(texts, _DEFAULT_CHARSET, _COLUMN_CHARSET)
        found |= self._dealt(labelled, _LABEL_DEFAULT_CHARSET, _LABEL_COLUMN_CHARSET)
        return {index: self._charsets.collation(number) for index, number in found.items()}

    def _counts(self, code: int) -> bool:
        """Whether a type without characters takes a place among the character sets, as its server lists them."""
        return code == (codes.GEOMETRY if self._mariadb else codes.VECTOR)

    def _dealt(self, about: Sequence[int], default: int, each: int) -> dict[int, int]:
        """Collation ids by column, from one id for each column or from a default with exceptions."""
        if not about:
            return {}
        if each in self._fields:
            numbers = self._numbers(each)
        elif default in self._fields:
            first, *pairs = self._numbers(default)
            exceptions = dict(zip(pairs[::2], pairs[1::2], strict=True))
            numbers = [exceptions.get(index, first) for index in range(len(about))]
        else:
            raise DecodeError(f"{self._what} lacks the character sets of its columns")
        if len(numbers) != len(about):
            raise DecodeError(f"{self._what} has {len(numbers)} character sets for {len(about)} columns")
        return dict(zip(about, numbers, strict=True))

    def _labels(self, collations: dict[int, Collation]) -> dict[int, tuple[str, ...]]:
        found = {}
        for code, kind in ((codes.ENUM, _ENUM_LABELS), (codes.SET, _SET_LABELS)):
            cursor = self._cursor(kind)
            for index in self._where(code.__eq__):
                raw = [cursor.packed_bytes() for _ in range(cursor.packed())]
                found[index] = self._labels_text(raw, collations[index].charset)
        return found

    def _labels_text(self, raw: list[bytes], charset: str) -> tuple[str, ...]:
        decode = self._charsets.decoder(charset)
        return tuple(_text(decode(label) if decode else label, f"a label in {self._what}") for label in raw)
