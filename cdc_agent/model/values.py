"""The values that travel between the engines, and the types that describe them.

A value is *canonical text*: UTF-8 bytes in one documented form for each `Kind` (docs/types.md is the table).
`None` is SQL NULL. `UNSENT` says that the log did not send the column (TOAST, minimal row image); an unsent
column is never written.

Nothing here does I/O.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, TypeAlias


class Unsent(enum.Enum):
    """The single mark of a column that the log left out; compare with ``is UNSENT``."""

    UNSENT = "unsent"

    def __repr__(self) -> str:
        return "UNSENT"


UNSENT: Final = Unsent.UNSENT

Value: TypeAlias = "bytes | Unsent | None"
Row: TypeAlias = "tuple[Value, ...]"
"""The values of one row in the order of its table's columns."""


class Kind(enum.Enum):
    """The canonical types, each with the form of its text.

    ``OTHER`` is a type that only its own engine understands (``inet``, ``tsvector``, ``timetz`` …): its text is
    what that engine prints, and it can go to the same type of the same engine or to a text column.
    """

    BOOL = "bool"  # t | f
    INTEGER = "integer"  # -12
    DECIMAL = "decimal"  # -12.50 | NaN | Infinity | -Infinity; the scale's digits are kept
    FLOAT = "float"  # shortest digits that round-trip, as PostgreSQL prints: 0.1, 1e+20, NaN, Infinity
    TEXT = "text"  # UTF-8
    BYTES = "bytes"  # \x00ff: backslash, x, lower-case hexadecimal
    DATE = "date"  # 2024-02-29 | infinity | 0044-03-15 BC | 0000-00-00 (MySQL's zero and partial dates)
    TIME = "time"  # [-]HHH:MM:SS[.ffffff], trailing zeros of the fraction removed
    TIMESTAMP = "timestamp"  # 2024-02-29 12:00:00[.ffffff], no zone
    INSTANT = "instant"  # 2024-02-29 12:00:00[.ffffff]+00, always UTC
    INTERVAL = "interval"  # ISO 8601 as PostgreSQL prints: P1Y2M3DT4H5M6.7S
    UUID = "uuid"  # lower case with hyphens
    JSON = "json"  # as its engine prints it
    ENUM = "enum"  # the label; '' is MySQL's error value
    SET = "set"  # labels joined by commas in the order of their declaration
    ARRAY = "array"  # PostgreSQL's array text {1,2,NULL,"a b"}
    BIT = "bit"  # 0101, as many digits as the type has bits
    GEOMETRY = "geometry"  # EWKB in upper-case hexadecimal, as PostGIS prints
    RANGE = "range"  # PostgreSQL's range or multirange text
    HSTORE = "hstore"  # PostgreSQL's hstore text
    COMPOSITE = "composite"  # PostgreSQL's row text (1,"a b",)
    YEAR = "year"  # 0 or four digits
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Type:
    """A column's type as one engine declares it, reduced to what conversion needs."""

    kind: Kind
    native: str
    """The engine's own spelling without schema: ``character varying(20)``, ``int unsigned``."""
    length: int | None = None
    """Characters for text, bytes for binary data, bits for BIT; None means no limit."""
    precision: int | None = None
    """Digits of a decimal, bits of an integer (8, 16, 24, 32, 64) or float (32, 64), or fractional-second digits."""
    scale: int | None = None
    """Digits after the point of a decimal."""
    unsigned: bool = False
    fixed: bool = False
    """char(n) or binary(n): padded by its engine."""
    labels: tuple[str, ...] = ()
    """The labels of an enum or a set, in order."""
    element: Type | None = None
    """The element type of an array or a range."""
    fields: tuple[tuple[str, Type], ...] = ()
    """The fields of a composite."""
    charset: str | None = None
    """MySQL's character set of a text column."""
    collation: str | None = None
