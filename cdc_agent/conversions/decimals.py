"""Values that become decimals: checked against precision and scale, written with the digits that the target prints.

Rounding never happens: a digit that the target would lose makes the value a misfit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Usual, Way, misfit, then, way
from cdc_agent.conversions.bits import number_of_bits
from cdc_agent.conversions.integers import bool_to_integer, integer_range
from cdc_agent.conversions.numerals import FINITE_TEXT, SPECIAL, text_number
from cdc_agent.model.values import Kind, Type

_MYSQL_DIGITS: Final = 65
_BIT: Final = Type(Kind.INTEGER, "bit", precision=1, unsigned=True)
_INTEGER_LIKE: Final = Type(Kind.INTEGER, "year", precision=16, unsigned=True)


def _decimal_to_decimal(source: Type, target: Type, context: Context) -> Way:
    checked = PASS if not _may_be_special(source, context) else _special(target, context)
    if target.precision is None:
        return checked
    if _fits_exactly(source, target):
        return checked
    return _scaled(target, context)


def _may_be_special(source: Type, context: Context) -> bool:
    return source.kind is Kind.DECIMAL and context.from_postgres


def _special(target: Type, context: Context) -> Way:
    """NaN fits into any numeric of PostgreSQL, infinity into one without precision; MySQL has neither."""
    if context.to_postgres and target.precision is None:
        return PASS
    reason = f"{target.native} holds no NaN and no infinity"

    def convert(text: bytes) -> bytes:
        if text in SPECIAL and not (context.to_postgres and text == b"NaN"):
            misfit(Code.NOT_FINITE, reason)
        return text

    return way(convert, Code.NOT_FINITE, usual=FINITE_TEXT)


def _fits_exactly(source: Type, target: Type) -> bool:
    """The same scale, so that the digits stand as the target would print them."""
    if source.precision is None or target.precision is None or (target.unsigned and not source.unsigned):
        return False
    return source.scale == target.scale and source.precision <= target.precision


def _scaled(target: Type, context: Context) -> Way:
    """Checked against precision and scale, and written with exactly as many digits as the target prints."""
    precision, scale = target.precision or _MYSQL_DIGITS, target.scale or 0
    special = _special(target, context).convert
    unsigned = target.unsigned

    def convert(text: bytes) -> bytes | None:
        if text in SPECIAL:
            return special(text) if special else text
        return _fit_decimal(Decimal(text.decode()), precision, scale, unsigned, target.native)

    return way(
        convert, Code.OUT_OF_RANGE, Code.DIGITS, Code.NOT_FINITE, usual=_scaled_already(precision, scale, unsigned)
    )


def _scaled_already(precision: int, scale: int, unsigned: bool) -> Usual | None:
    """As many digits behind the point as the target prints, and few enough before it; no sign that might be dropped."""
    if scale <= 0:
        return None
    sign = "{v}[0] != 45" if unsigned else '{v}[:2] != b"-0"'
    return Usual(f'{{v}}[-{scale + 1}:-{scale}] == b"." and len({{v}}) <= {precision + 1} and {sign}')


def _fit_decimal(number: Decimal, precision: int, scale: int, unsigned: bool, name: str) -> bytes:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if number and number.adjusted() >= precision - scale:
        misfit(Code.OUT_OF_RANGE, f"too many digits before the point for {name}")
    lost = -exponent - scale
    if lost > 0 and any(digits[-lost:]):
        misfit(Code.DIGITS, f"too many digits after the point for {name}")
    if unsigned and sign and number:
        misfit(Code.OUT_OF_RANGE, f"negative, but {name} is unsigned")
    return _with_scale(digits, exponent, bool(sign and number), scale)


def _with_scale(digits: tuple[int, ...], exponent: int, negative: bool, scale: int) -> bytes:
    whole = "".join(map(str, digits))
    shift = exponent + scale
    whole = whole + "0" * shift if shift >= 0 else whole[:shift]
    if scale <= 0:
        text = (whole.lstrip("0") + "0" * -scale) if whole.lstrip("0") else "0"
    else:
        whole = whole.rjust(scale + 1, "0")
        text = f"{whole[:-scale].lstrip('0') or '0'}.{whole[-scale:]}"
    return (f"-{text}" if negative else text).encode()


def _integer_to_decimal(source: Type, target: Type, context: Context) -> Way:
    if target.precision is None:
        return PASS
    scale = target.scale or 0
    least, greatest = integer_range(source)
    room = 10 ** (target.precision - scale) - 1
    if greatest <= room and -room <= least and not (target.unsigned and least < 0):
        tail = b"." + b"0" * scale
        usual = Usual("True", f"{{v}} + {tail!r}")
        return PASS if scale <= 0 else way(lambda text: text + tail, usual=usual)
    return _scaled(target, context)


def _float_to_decimal(source: Type, target: Type, context: Context) -> Way:
    """The shortest digits that name the float, as PostgreSQL and MySQL print it."""
    plain = way(lambda text: text if text in SPECIAL else plain_decimal(Decimal(text.decode())))
    checked = _scaled(target, context) if target.precision is not None else _special(target, context)
    return then(plain, checked)


def plain_decimal(number: Decimal) -> bytes:
    """Digits without exponent."""
    return f"{number:f}".encode()


def _text_to_decimal(source: Type, target: Type, context: Context) -> Way:
    number = text_number(source, target, context)
    return then(number, _float_to_decimal(source, target, context))


def _bool_to_decimal(source: Type, target: Type, context: Context) -> Way:
    return then(bool_to_integer(source, target, context), _integer_to_decimal(_BIT, target, context))


def _bit_to_decimal(source: Type, target: Type, context: Context) -> Way:
    return then(number_of_bits(source), _scaled_or_pass(target, context))


def _scaled_or_pass(target: Type, context: Context) -> Way:
    return PASS if target.precision is None else _scaled(target, context)


def _year_as_integer(maker: Maker) -> Maker:
    return lambda source, target, context: maker(_INTEGER_LIKE, target, context)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.DECIMAL, Kind.DECIMAL): _decimal_to_decimal,
    (Kind.INTEGER, Kind.DECIMAL): _integer_to_decimal,
    (Kind.FLOAT, Kind.DECIMAL): _float_to_decimal,
    (Kind.BOOL, Kind.DECIMAL): _bool_to_decimal,
    (Kind.BIT, Kind.DECIMAL): _bit_to_decimal,
    (Kind.YEAR, Kind.DECIMAL): _year_as_integer(_integer_to_decimal),
    (Kind.TEXT, Kind.DECIMAL): _text_to_decimal,
}
