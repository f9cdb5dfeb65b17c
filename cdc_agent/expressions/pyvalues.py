"""Canonical text ↔ Python values, for the columns that expressions read and for their results.

| kind | Python |
|---|---|
| bool | bool |
| integer, year | int |
| decimal | Decimal, with the digits of its scale |
| float | float |
| date, timestamp, instant | date, naive datetime, naive datetime in UTC; `OddMoment` for what Python has not |
| time | timedelta |
| interval | Span |
| bytes | bytes |
| all others | str of the canonical text |

Nothing here does I/O.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple, NoReturn

from cdc_agent.conversions.base import Code, misfit
from cdc_agent.conversions.decimals import plain_decimal
from cdc_agent.conversions.floats import float_text
from cdc_agent.conversions.times import interval_text, parse_clock, parse_interval, stamp, time_text
from cdc_agent.model.values import Kind, Type


class Span(NamedTuple):
    """An interval; ordered as PostgreSQL does, with months of thirty days."""

    months: int
    days: int
    microseconds: int

    @property
    def order(self) -> int:
        return (self.months * 30 + self.days) * 86_400_000_000 + self.microseconds


class OddMoment:
    """A date or timestamp that Python cannot hold: infinity, BC, a year above 9999, MySQL's zero and partial dates.

    It can be compared, passed on and tested for NULL; every other use is a misfit.
    """

    __slots__ = ("order", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        before = text == "-infinity" or text.endswith("BC") or (text[:4].isdigit() and text[4:5] == "-")
        size = 0 if "infinity" in text else 1
        digits = text.removesuffix(" BC")
        wide = (
            digits.rjust(40, "0")
            if not text.endswith("BC")
            else "".join(_FLIPPED.get(c, c) for c in digits.rjust(40, "0"))
        )
        self.order: tuple[int, int, str] = (-1 if before else 1, size if before else 1 - size, wide if size else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OddMoment) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __lt__(self, other: Any) -> bool:
        return self.order < other.order if isinstance(other, OddMoment) else self.order[0] < 0

    def __le__(self, other: Any) -> bool:
        return bool(self == other) or self < other

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __getattr__(self, name: str) -> NoReturn:
        misfit(Code.OUT_OF_RANGE, "a date that expressions cannot compute with")

    def _refuse(self, other: object) -> NoReturn:
        misfit(Code.OUT_OF_RANGE, "a date that expressions cannot compute with")

    __add__ = __radd__ = __sub__ = __rsub__ = _refuse


_FLIPPED: Final = {str(digit): str(9 - digit) for digit in range(10)}
"""Earlier years BC have greater numbers."""


# --- in ----------------------------------------------------------------------------------------------------------


def reader(type_: Type) -> Callable[[bytes], Any]:
    """Canonical text → Python value."""
    if type_.kind is Kind.TEXT and type_.fixed:
        return lambda text: text.decode().rstrip(" ")
    return _READERS.get(type_.kind, bytes.decode)


def read_decimal(text: bytes) -> Decimal:
    return Decimal(text.decode())


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text[2:].decode())


def read_date(text: bytes) -> Any:
    plain = text.decode()
    try:
        return dt.date.fromisoformat(plain)
    except ValueError:
        return OddMoment(plain)


def read_timestamp(text: bytes) -> Any:
    plain = text.decode().removesuffix("+00")
    try:
        return dt.datetime.fromisoformat(plain)
    except ValueError:
        return OddMoment(plain)


def read_interval(text: bytes) -> Span:
    return Span(*parse_interval(text))


_READERS: Final[dict[Kind, Callable[[bytes], Any]]] = {
    Kind.BOOL: lambda text: text == b"t",
    Kind.INTEGER: int,
    Kind.YEAR: int,
    Kind.DECIMAL: read_decimal,
    Kind.FLOAT: float,
    Kind.BYTES: _bytes,
    Kind.DATE: read_date,
    Kind.TIMESTAMP: read_timestamp,
    Kind.INSTANT: read_timestamp,
    Kind.TIME: parse_clock,
    Kind.INTERVAL: read_interval,
}


# --- out ---------------------------------------------------------------------------------------------------------


def renderer(type_: Type) -> Callable[[Any], bytes]:
    """Python value → canonical text."""
    render: Callable[[Any], bytes] = _RENDERERS.get(type_.kind, str.encode)
    return render


def render_bool(value: bool) -> bytes:
    return b"t" if value else b"f"


def render_integer(value: int) -> bytes:
    return b"%d" % value


def render_decimal(value: Decimal) -> bytes:
    text = str(value)
    if value and text[-1] <= "9" and "E" not in text:
        return text.encode()
    if not value.is_finite():
        return b"NaN" if value.is_nan() else b"Infinity" if value > 0 else b"-Infinity"
    return plain_decimal(value) if value else plain_decimal(abs(value))


def render_bytes(value: bytes) -> bytes:
    return b"\\x" + value.hex().encode()


def render_date(value: Any) -> bytes:
    text: str = value.text if isinstance(value, OddMoment) else value.isoformat()
    return text.encode()


def render_timestamp(value: Any) -> bytes:
    return value.text.encode() if isinstance(value, OddMoment) else stamp(value)


def render_instant(value: Any) -> bytes:
    text = render_timestamp(value)
    if text.endswith(b"infinity"):
        return text
    return text[:-3] + b"+00 BC" if text.endswith(b" BC") else text + b"+00"


def render_interval(value: Span) -> bytes:
    return interval_text(*value)


_RENDERERS: Final[dict[Kind, Any]] = {
    Kind.BOOL: render_bool,
    Kind.INTEGER: render_integer,
    Kind.YEAR: render_integer,
    Kind.DECIMAL: render_decimal,
    Kind.FLOAT: float_text,
    Kind.BYTES: render_bytes,
    Kind.DATE: render_date,
    Kind.TIMESTAMP: render_timestamp,
    Kind.INSTANT: render_instant,
    Kind.TIME: time_text,
    Kind.INTERVAL: render_interval,
}
