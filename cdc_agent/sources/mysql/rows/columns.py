"""What a table map says of one column: its type code on the wire, its metadata, and what follows for its values.

In: the type code, the metadata and the optional metadata that `table_map` has taken apart. Out: `Logged`, which the
row decoder is generated from, and the canonical `values.Type`. Codes are those of MySQL's `enum_field_types` and of
MariaDB's additions to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cdc_agent.errors import DecodeError
from cdc_agent.model.values import Kind, Type

TINY: Final = 1
SHORT: Final = 2
LONG: Final = 3
FLOAT: Final = 4
DOUBLE: Final = 5
TIMESTAMP: Final = 7
LONGLONG: Final = 8
INT24: Final = 9
DATE: Final = 10
TIME: Final = 11
DATETIME: Final = 12
YEAR: Final = 13
NEWDATE: Final = 14
VARCHAR: Final = 15
BIT: Final = 16
TIMESTAMP2: Final = 17
DATETIME2: Final = 18
TIME2: Final = 19
BLOB_COMPRESSED: Final = 140
VARCHAR_COMPRESSED: Final = 141
VECTOR: Final = 242
JSON: Final = 245
NEWDECIMAL: Final = 246
ENUM: Final = 247
SET: Final = 248
TINY_BLOB: Final = 249
MEDIUM_BLOB: Final = 250
LONG_BLOB: Final = 251
BLOB: Final = 252
VAR_STRING: Final = 253
STRING: Final = 254
GEOMETRY: Final = 255

INTEGERS: Final = {
    TINY: ("tinyint", 8),
    SHORT: ("smallint", 16),
    INT24: ("mediumint", 24),
    LONG: ("int", 32),
    LONGLONG: ("bigint", 64),
}
BLOBS: Final = {TINY_BLOB, MEDIUM_BLOB, LONG_BLOB, BLOB}
STRINGS: Final = {VARCHAR, VAR_STRING, STRING, VARCHAR_COMPRESSED}
COMPRESSED: Final = {BLOB_COMPRESSED, VARCHAR_COMPRESSED}
NUMERIC: Final = {*INTEGERS, FLOAT, DOUBLE, NEWDECIMAL, YEAR}
"""Columns with a bit in the signedness field."""
CHARACTER: Final = {STRING, VAR_STRING, VARCHAR, *BLOBS, *COMPRESSED}
"""Columns with a collation in the charset fields (MariaDB counts GEOMETRY as well)."""

_TEXT_NAMES = {1: "tinytext", 2: "text", 3: "mediumtext", 4: "longtext"}
_BLOB_NAMES = {1: "tinyblob", 2: "blob", 3: "mediumblob", 4: "longblob"}
_GEOMETRY_NAMES = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Logged:
    """One column as the table map describes it; `code` is the real type (ENUM and SET are unwrapped from STRING)."""

    name: str
    code: int
    size: int = 0
    """Bytes: the longest value of a string, the length prefix of a blob, the width of an enum, set, bit or float."""
    precision: int = 0
    """Digits of a decimal, digits of fractional seconds, bits of BIT."""
    scale: int = 0
    unsigned: bool = False
    charset: str | None = None
    """None for what has none; 'binary' for bytes."""
    collation: str | None = None
    width: int = 1
    """Bytes of the charset's longest character."""
    labels: tuple[str, ...] = ()
    geometry: int = 0
    nullable: bool = True
    visible: bool = True


def prefix(column: Logged) -> int:
    """Bytes of the length in front of a string's value."""
    if column.code in STRINGS:
        return 1 if column.size < 256 else 2
    return column.size


def canonical_type(column: Logged) -> Type:
    """The canonical type of a logged column; DecodeError for a code that is not known."""
    make = _TYPES.get(column.code)
    if make is None:
        raise DecodeError(f"column {column.name} has type {column.code}, which this version does not know")
    return make(column)


def _signed(name: str, column: Logged) -> str:
    return f"{name} unsigned" if column.unsigned else name


def _integer(column: Logged) -> Type:
    name, bits = INTEGERS[column.code]
    return Type(Kind.INTEGER, _signed(name, column), precision=bits, unsigned=column.unsigned)


def _float(column: Logged) -> Type:
    name, bits = ("float", 32) if column.code == FLOAT else ("double", 64)
    return Type(Kind.FLOAT, _signed(name, column), precision=bits, unsigned=column.unsigned)


def _decimal(column: Logged) -> Type:
    native = _signed(f"decimal({column.precision},{column.scale})", column)
    return Type(Kind.DECIMAL, native, precision=column.precision, scale=column.scale, unsigned=column.unsigned)


def _string(column: Logged) -> Type:
    fixed = column.code == STRING
    size = column.size - (column.code == VARCHAR_COMPRESSED)  # which has a header byte of its own
    if column.charset == "binary":
        name = "binary" if fixed else "varbinary"
        return Type(Kind.BYTES, f"{name}({size})", length=size, fixed=fixed)
    length = size // column.width
    native = f"char({length})" if fixed else f"varchar({length})"
    return Type(Kind.TEXT, native, length=length, fixed=fixed, charset=column.charset, collation=column.collation)


def _blob(column: Logged) -> Type:
    if column.charset == "binary":
        limit = None if column.size == 4 else (1 << 8 * column.size) - 1
        return Type(Kind.BYTES, _BLOB_NAMES[column.size], length=limit)
    return Type(Kind.TEXT, _TEXT_NAMES[column.size], charset=column.charset, collation=column.collation)


def _labelled(column: Logged) -> Type:
    kind, name = (Kind.ENUM, "enum") if column.code == ENUM else (Kind.SET, "set")
    labels = ",".join("'" + label.replace("'", "''") + "'" for label in column.labels)
    return Type(kind, f"{name}({labels})", labels=column.labels, charset=column.charset, collation=column.collation)


def _temporal(kind: Kind, name: str) -> Callable[[Logged], Type]:
    def make(column: Logged) -> Type:
        native = f"{name}({column.precision})" if column.precision else name
        return Type(kind, native, precision=column.precision)

    return make


def _geometry(column: Logged) -> Type:
    known = column.geometry < len(_GEOMETRY_NAMES)
    return Type(Kind.GEOMETRY, _GEOMETRY_NAMES[column.geometry] if known else "geometry")


_TYPES: Final[dict[int, Callable[[Logged], Type]]] = {
    **dict.fromkeys(INTEGERS, _integer),
    **dict.fromkeys(STRINGS, _string),
    **dict.fromkeys({*BLOBS, BLOB_COMPRESSED}, _blob),
    FLOAT: _float,
    DOUBLE: _float,
    NEWDECIMAL: _decimal,
    DATE: lambda _: Type(Kind.DATE, "date"),
    NEWDATE: lambda _: Type(Kind.DATE, "date"),
    TIME: _temporal(Kind.TIME, "time"),
    TIME2: _temporal(Kind.TIME, "time"),
    DATETIME: _temporal(Kind.TIMESTAMP, "datetime"),
    DATETIME2: _temporal(Kind.TIMESTAMP, "datetime"),
    TIMESTAMP: _temporal(Kind.INSTANT, "timestamp"),
    TIMESTAMP2: _temporal(Kind.INSTANT, "timestamp"),
    YEAR: lambda _: Type(Kind.YEAR, "year"),
    BIT: lambda column: Type(Kind.BIT, f"bit({column.precision})", length=column.precision),
    ENUM: _labelled,
    SET: _labelled,
    VECTOR: lambda _: Type(Kind.BYTES, "vector"),
    JSON: lambda _: Type(Kind.JSON, "json"),
    GEOMETRY: _geometry,
}
