"""Values that become integers and years.

Rounding never happens: a digit that the target would lose makes the value a misfit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Usual, Way, misfit, same, then, way
from cdc_agent.conversions.bits import number_of_bits
from cdc_agent.conversions.numerals import SPECIAL, text_number
from cdc_agent.model.values import Kind, Type


def integer_range(type_: Type) -> tuple[int, int]:
    """The least and the greatest value of an integer type."""
    bits = type_.precision or 64
    return (0, (1 << bits) - 1) if type_.unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)


def _integer_to_integer(source: Type, target: Type, context: Context) -> Way:
    low, high = integer_range(source)
    least, greatest = integer_range(target)
    return PASS if least <= low and high <= greatest else in_range(target)


def in_range(target: Type) -> Way:
    least, greatest = integer_range(target)
    reason = f"outside the range of {target.native}"

    def convert(text: bytes) -> bytes:
        if not least <= int(text) <= greatest:
            misfit(Code.OUT_OF_RANGE, reason)
        return text

    digits = len(str(greatest)) - 1
    short = Usual(f"{{v}}[0] != 45 and len({{v}}) <= {digits}" if least == 0 else f"len({{v}}) <= {digits}")
    return way(convert, Code.OUT_OF_RANGE, usual=short)


def bool_to_integer(source: Type, target: Type, context: Context) -> Way:
    return way(lambda text: b"1" if text == b"t" else b"0", usual=Usual("True", '(b"1" if {v} == b"t" else b"0")'))


def _bit_to_integer(source: Type, target: Type, context: Context) -> Way:
    bits = number_of_bits(source)
    _, greatest = integer_range(target)
    return bits if source.length and (1 << source.length) - 1 <= greatest else then(bits, in_range(target))


def _decimal_to_integer(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        number = _finite(text)
        if number != number.to_integral_value():
            misfit(Code.DIGITS, f"digits after the point do not fit into {target.native}")
        return b"%d" % int(number)

    return then(way(convert, Code.DIGITS, Code.NOT_FINITE), in_range(target))


def _finite(text: bytes) -> Decimal:
    if text in SPECIAL:
        misfit(Code.NOT_FINITE, "NaN and infinity are no integers")
    return Decimal(text.decode())


def text_to_integer(source: Type, target: Type, context: Context) -> Way:
    number = text_number(source, target, context)
    return then(number, _decimal_to_integer(source, target, context))


# --- years -----------------------------------------------------------------------------------------------------------


def _integer_to_year(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        year = int(text)
        if year and not 1901 <= year <= 2155:
            misfit(Code.OUT_OF_RANGE, "a year is 0 or 1901 to 2155")
        return b"%d" % year

    return way(convert, Code.OUT_OF_RANGE)


def _year_to_integer(source: Type, target: Type, context: Context) -> Way:
    _, greatest = integer_range(target)
    return PASS if greatest >= 2155 else in_range(target)


def _text_to_year(source: Type, target: Type, context: Context) -> Way:
    integer = Type(Kind.INTEGER, target.native, precision=32)
    return then(text_to_integer(source, integer, context), _integer_to_year(source, target, context))


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.INTEGER, Kind.INTEGER): _integer_to_integer,
    (Kind.BOOL, Kind.INTEGER): bool_to_integer,
    (Kind.BIT, Kind.INTEGER): _bit_to_integer,
    (Kind.YEAR, Kind.INTEGER): _year_to_integer,
    (Kind.DECIMAL, Kind.INTEGER): _decimal_to_integer,
    (Kind.FLOAT, Kind.INTEGER): _decimal_to_integer,
    (Kind.TEXT, Kind.INTEGER): text_to_integer,
    (Kind.YEAR, Kind.YEAR): same,
    (Kind.INTEGER, Kind.YEAR): _integer_to_year,
    (Kind.TEXT, Kind.YEAR): _text_to_year,
}
