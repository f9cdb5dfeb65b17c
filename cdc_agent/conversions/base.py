"""What the conversions have in common: the context they are made in, their result, and the ways to fail.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, TypeAlias

from cdc_agent.model.values import Kind, Type

Convert: TypeAlias = "Callable[[bytes], bytes | None]"
"""Canonical text of the source's type in, of the target's type out; None writes NULL. Raises MisfitError."""

POSTGRES: Final = "postgresql"


class Code(StrEnum):
    """Why a value does not fit; the code of a rejection. docs/types.md lists them with their meaning."""

    TOO_LONG = "too_long"  # more characters, bytes, bits or elements than the column holds
    TOO_SHORT = "too_short"  # the column would pad it
    OUT_OF_RANGE = "out_of_range"  # number or time outside the column's range
    DIGITS = "digits"  # digits after the point would be lost
    NOT_FINITE = "not_finite"  # NaN or infinity where the target has none
    ZERO_DATE = "zero_date"  # 0000-00-00 and its like
    ENCODING = "encoding"  # a character that the column's character set lacks
    NUL = "nul"  # a NUL character in a PostgreSQL text
    LABEL = "label"  # not among the labels of the enum or set
    FORM = "form"  # the text is not a value of the target's type
    ZONE = "zone"  # a local time that the zone skips
    EXPRESSION = "expression"  # the expression has no value: division by zero, a text that is no number


class MisfitError(Exception):
    """The target column cannot hold the value. The reason never contains the value."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = str(code)
        self.reason = reason


class ImpossibleError(Exception):
    """No value of the source type has a form in the target type."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a conversion depends on besides the two types."""

    engine: str = POSTGRES
    """The target's: postgresql, mysql or mariadb."""
    source_engine: str = POSTGRES
    source_zone: str = "UTC"
    """The zone of the source's zoneless timestamps, where they become instants."""
    target_zone: str = "UTC"
    zero_dates: str = "quarantine"
    """`quarantine`, `null`, or the date to write."""

    @property
    def to_postgres(self) -> bool:
        return self.engine == POSTGRES

    @property
    def from_postgres(self) -> bool:
        return self.source_engine == POSTGRES


@dataclass(frozen=True, slots=True)
class Usual:
    """The conversion of most values as text for generated code: two expressions over ``{v}``, free of any name.

    Where `when` holds, `gives` is what the conversion returns; everything else is left to the conversion itself.
    """

    when: str
    gives: str = "{v}"


@dataclass(frozen=True, slots=True)
class Way:
    """A conversion, and every reason for which it can refuse a value."""

    convert: Convert | None = None
    """None passes every value as it is."""
    codes: frozenset[Code] = frozenset()
    usual: Usual | None = None


PASS: Final = Way()
Maker: TypeAlias = "Callable[[Type, Type, Context], Way]"
"""Makes the way from one type to another; raises ImpossibleError."""


def way(convert: Convert, *codes: Code, usual: Usual | None = None) -> Way:
    return Way(convert, frozenset(codes), usual)


def then(first: Way, second: Way) -> Way:
    """One conversion behind the other."""
    if first.convert is None:
        return Way(second.convert, first.codes | second.codes, second.usual)
    if second.convert is None:
        return Way(first.convert, first.codes | second.codes, first.usual)
    one, two = first.convert, second.convert

    def both(text: bytes) -> bytes | None:
        between = one(text)
        return None if between is None else two(between)

    return Way(both, first.codes | second.codes, _both_usual(first.usual, second.usual))


def _both_usual(first: Usual | None, second: Usual | None) -> Usual | None:
    if first is None or second is None:
        return None
    when = second.when.replace("{v}", f"({first.gives})" if first.gives != "{v}" else "{v}")
    gives = second.gives.replace("{v}", f"({first.gives})" if first.gives != "{v}" else "{v}")
    return Usual(f"{first.when} and {when}", gives)


def same(source: Type, target: Type, context: Context) -> Way:
    """Every value passes as it is."""
    return PASS


def same_type(source: Type, target: Type, context: Context) -> Way:
    """Types of one engine go to their own kind; the server refuses what differs in detail."""
    return PASS if source.native == target.native else Way(None, frozenset({Code.FORM}))


def misfit(code: Code, reason: str) -> NoReturn:
    raise MisfitError(code, reason)


def native(type_: Type) -> str:
    """The first word of the engine's own spelling: ``varchar`` of ``varchar(20)``."""
    return type_.native.lower().split("(")[0].strip()


def text_type(length: int | None = None) -> Type:
    return Type(Kind.TEXT, "text", length=length)
