"""MySQL's and MariaDB's column types as canonical types.

In: a column's declaration as ``information_schema.COLUMNS`` spells it. Out: a `values.Type`. Never guesses: a type
that only its own engine understands becomes `Kind.OTHER` under its own name.

https://dev.mysql.com/doc/refman/8.4/en/data-types.html, https://mariadb.com/kb/en/data-types/
"""

from __future__ import annotations

import re
from typing import Final

from cdc_agent.model.values import Kind, Type

_DECLARATION: Final = re.compile(r"\s*(\w+(?: precision)?)\s*(?:\((.*)\))?([^()]*)", re.DOTALL)
_TRAILING_COMMENT: Final = re.compile(r"\s*/\*[^']*\*/\s*$")
_LABEL: Final = re.compile(r"'((?:[^'\\]|''|\\.)*)'(?:,|$)", re.DOTALL)
_ESCAPE: Final = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPED: Final = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "b": "\b"}

_INTEGERS: Final = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64}
_FLOATS: Final = {"float": 32, "double": 64, "double precision": 64, "real": 64}
_DECIMALS: Final = ("decimal", "numeric")
_TEMPORAL: Final = {"time": Kind.TIME, "datetime": Kind.TIMESTAMP, "timestamp": Kind.INSTANT}
_TEXTS: Final = {"tinytext": 0xFF, "text": 0xFFFF, "mediumtext": 0xFFFFFF, "longtext": None}
_BLOBS: Final = {"tinyblob": 0xFF, "blob": 0xFFFF, "mediumblob": 0xFFFFFF, "longblob": None}
_GEOMETRIES: Final = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection",
)  # fmt: skip


def from_column_type(
    column_type: str, charset: str | None = None, collation: str | None = None, *, json: bool = False
) -> Type:
    """The type of a column, from its ``COLUMN_TYPE``, ``CHARACTER_SET_NAME`` and ``COLLATION_NAME``.

    `json` marks a MariaDB column that is declared JSON: LONGTEXT with the check that goes with it.
    ``tinyint(1)`` stays an integer: whether it means a boolean is for the mapping to say.
    """
    declaration = _TRAILING_COMMENT.sub("", column_type)
    match = _DECLARATION.fullmatch(declaration)
    if match is None:
        return Type(Kind.OTHER, column_type, charset=charset, collation=collation)
    name, inside, flags = match[1].lower(), match[2], match[3].lower()
    if json and name == "longtext":
        return Type(Kind.JSON, declaration, charset=charset, collation=collation)
    if name in ("enum", "set"):
        kind = Kind.ENUM if name == "enum" else Kind.SET
        return Type(kind, declaration, labels=parse_labels(inside or ""), charset=charset, collation=collation)
    numbers = tuple(int(number) for number in (inside or "").split(",") if number.strip().isdigit())
    return (
        _number(name, declaration, numbers, "unsigned" in flags)
        or _string(name, declaration, numbers, charset, collation)
        or _other(name, declaration, numbers)
    )


def parse_labels(text: str) -> tuple[str, ...]:
    """The labels between an enum's or set's parentheses: quotes are doubled, control characters escaped."""
    return tuple(_ESCAPE.sub(_unescape, label) for label in _LABEL.findall(text))


def _unescape(match: re.Match[str]) -> str:
    character: str | None = match[1]
    return "'" if character is None else _ESCAPED.get(character, character)


def _number(name: str, native: str, numbers: tuple[int, ...], unsigned: bool) -> Type | None:
    if name in _INTEGERS:
        return Type(Kind.INTEGER, native, precision=_INTEGERS[name], unsigned=unsigned)
    if name in _DECIMALS:
        precision, scale = (*numbers, 10, 0)[:2] if not numbers else (*numbers, 0)[:2]
        return Type(Kind.DECIMAL, native, precision=precision, scale=scale, unsigned=unsigned)
    if name in _FLOATS:
        return Type(Kind.FLOAT, native, precision=_FLOATS[name], unsigned=unsigned)
    if name == "bit":
        return Type(Kind.BIT, native, length=numbers[0] if numbers else 1)
    if name in ("bool", "boolean"):
        return Type(Kind.INTEGER, native, precision=8)
    return None


def _string(
    name: str, native: str, numbers: tuple[int, ...], charset: str | None, collation: str | None
) -> Type | None:
    length = numbers[0] if numbers else None
    if name in ("char", "varchar"):
        size = 1 if length is None else length
        return Type(Kind.TEXT, native, length=size, fixed=name == "char", charset=charset, collation=collation)
    if name in _TEXTS:
        return Type(Kind.TEXT, native, length=_TEXTS[name], charset=charset, collation=collation)
    if name in ("binary", "varbinary"):
        return Type(Kind.BYTES, native, length=1 if length is None else length, fixed=name == "binary")
    if name in _BLOBS:
        return Type(Kind.BYTES, native, length=_BLOBS[name])
    if name == "vector":
        return Type(Kind.BYTES, native, length=None if length is None else 4 * length)
    return None


def _other(name: str, native: str, numbers: tuple[int, ...]) -> Type:
    if name in _TEMPORAL:
        return Type(_TEMPORAL[name], native, precision=numbers[0] if numbers else 0)
    if name in _GEOMETRIES:
        return Type(Kind.GEOMETRY, native)
    simple = {"date": Kind.DATE, "year": Kind.YEAR, "json": Kind.JSON, "uuid": Kind.UUID}
    return Type(simple.get(name, Kind.OTHER), native)
