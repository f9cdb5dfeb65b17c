"""What a compiled piece of an expression is: Python source with its SQL type.

The source of a term is a Python expression over the arguments ``c0``, ``c1`` …, over constants and functions that the
`Scope` has bound to names, and over temporaries. Text of the user never becomes part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlglot import exp

from cdc_agent.model.values import Kind, Type

BOOL: Final = Type(Kind.BOOL, "boolean")
SMALL: Final = Type(Kind.INTEGER, "integer", precision=32)
BIG: Final = Type(Kind.INTEGER, "bigint", precision=64)
UNSIGNED: Final = Type(Kind.INTEGER, "bigint unsigned", precision=64, unsigned=True)
DECIMAL: Final = Type(Kind.DECIMAL, "numeric")
FLOAT: Final = Type(Kind.FLOAT, "double precision", precision=64)
TEXT: Final = Type(Kind.TEXT, "text")
BYTES: Final = Type(Kind.BYTES, "bytea")
DATE: Final = Type(Kind.DATE, "date")
TIME: Final = Type(Kind.TIME, "time", precision=6)
TIMESTAMP: Final = Type(Kind.TIMESTAMP, "timestamp", precision=6)
INSTANT: Final = Type(Kind.INSTANT, "timestamp with time zone", precision=6)
INTERVAL: Final = Type(Kind.INTERVAL, "interval", precision=6)
JSON: Final = Type(Kind.JSON, "jsonb")
UUID: Final = Type(Kind.UUID, "uuid")
COLLATED: Final = Type(Kind.TEXT, "text collate")
"""Text whose collation is written in the expression, which wins over those of columns."""
NOTHING: Final = Type(Kind.TEXT, "null")
"""The type of a bare NULL."""

NUMBERS: Final = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.YEAR})
MOMENTS: Final = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.INSTANT})
TEXTS: Final = frozenset({Kind.TEXT, Kind.ENUM, Kind.SET})


class _Missing:
    """Tells "no constant" from the constant None."""


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Term:
    source: str
    type: Type
    nullable: bool
    node: exp.Expression
    """Where it came from, for error messages."""
    constant: Any = MISSING
    """The value of a literal."""
    untyped: bool = False
    """A string literal or NULL, which takes the type of what it stands beside."""

    @property
    def kind(self) -> Kind:
        return self.type.kind

    @property
    def is_constant(self) -> bool:
        return self.constant is not MISSING

    @property
    def is_null(self) -> bool:
        return self.constant is None

    def as_type(self, type_: Type) -> Term:
        return replace(self, type=type_, untyped=False)


def place_of(node: exp.Expression | None) -> int | None:
    """Where a node's first token starts, as an index into the text that was parsed."""
    if node is None:
        return None
    starts = [one.meta["start"] for one in node.walk() if "start" in one.meta]
    return min(starts, default=None)


PREFIX: Final = "SELECT "
"""Stands before the text when it is parsed, so that any function may be its first word."""


def locate(text: str, start: int | None) -> list[str]:
    """The line of an expression with a caret under the place, as lines of an error's details."""
    if start is None:
        return [f"in: {text}"]
    place = max(0, min(start - len(PREFIX), len(text)))
    line = text.count("\n", 0, place)
    column = place - (text.rfind("\n", 0, place) + 1)
    shown = (text.splitlines() or [""])[line] if line < len(text.splitlines()) else ""
    return [f"line {line + 1}, column {column + 1}:", f"  {shown}", f"  {' ' * column}^"]
