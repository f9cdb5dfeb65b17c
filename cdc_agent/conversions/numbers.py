"""Values that become integers, decimals, floats, booleans, bits and years.

Rounding never happens: a digit that the target would lose makes the value a misfit.
"""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Usual, Way, misfit, then, way
from cdc_agent.model.values import Kind, Type

_SPECIAL: Final = frozenset((b"NaN", b"Infinity", b"-Infinity"))
_NUMBER: Final = re.compile(rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,5})?")
_FLOAT4: Final = struct.Struct("<f")
_MYSQL_DIGITS: Final = 65
_DIGIT_LAST: Final = Usual("{v}[-1] < 58")
"""Neither NaN nor an infinity."""
_BOOLEANS: Final = {
    **dict.fromkeys((b"t", b"true", b"y", b"yes", b"on", b"1"), b"t"),
    **dict.fromkeys((b"f", b"false", b"n", b"no", b"off", b"0"), b"f"),
}


def integer_range(type_: Type) -> tuple[int, int]:
    """The least and the greatest value of an integer type."""
    bits = type_.precision or 64
    return (0, (1 << bits) - 1) if type_.unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)


# --- integers ----------------------------------------------------------------------------------------------------


def _integer_to_integer(source: Type, target: Type, context: Context) -> Way:
    low, high = integer_range(source)
    least, greatest = integer_range(target)
    return PASS if least <= low and high <= greatest else _in_range(target)


def _in_range(target: Type) -> Way:
    least, greatest = integer_range(target)
    reason = f"outside the range of {target.native}"

    def convert(text: bytes) -> bytes:
        if not least <= int(text) <= greatest:
            misfit(Code.OUT_OF_RANGE, reason)
        return text

    digits = len(str(greatest)) - 1
    short = Usual(f"{{v}}[0] != 45 and len({{v}}) <= {digits}" if least == 0 else f"len({{v}}) <= {digits}")
    return way(convert, Code.OUT_OF_RANGE, usual=short)


def _bool_to_integer(source: Type, target: Type, context: Context) -> Way:
    return way(lambda text: b"1" if text == b"t" else b"0", usual=Usual("True", '(b"1" if {v} == b"t" else b"0")'))


def _bit_to_integer(source: Type, target: Type, context: Context) -> Way:
    bits = way(lambda text: b"%d" % int(text or b"0", 2))
    _, greatest = integer_range(target)
    return bits if source.length and (1 << source.length) - 1 <= greatest else then(bits, _in_range(target))


def _decimal_to_integer(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        number = _finite(text)
        if number != number.to_integral_value():
            misfit(Code.DIGITS, f"digits after the point do not fit into {target.native}")
        return b"%d" % int(number)

    return then(way(convert, Code.DIGITS, Code.NOT_FINITE), _in_range(target))


def _finite(text: bytes) -> Decimal:
    if text in _SPECIAL:
        misfit(Code.NOT_FINITE, "NaN and infinity are no integers")
    return Decimal(text.decode())


def _text_number(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        plain = text.strip()
        if not _NUMBER.fullmatch(plain) and plain not in _SPECIAL:
            misfit(Code.FORM, f"not a number for {target.native}")
        return plain

    return way(convert, Code.FORM)


def _text_to_integer(source: Type, target: Type, context: Context) -> Way:
    number = _text_number(source, target, context)
    return then(number, _decimal_to_integer(source, target, context))


# --- booleans ----------------------------------------------------------------------------------------------------


def _integer_to_bool(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if text == b"1":
            return b"t"
        if text != b"0":
            misfit(Code.OUT_OF_RANGE, "neither 0 nor 1")
        return b"f"

    usual = Usual('{v} == b"1" or {v} == b"0"', '(b"t" if {v} == b"1" else b"f")')
    return way(convert, Code.OUT_OF_RANGE, usual=usual)


def _bit_to_bool(source: Type, target: Type, context: Context) -> Way:
    return then(way(lambda text: b"%d" % int(text or b"0", 2)), _integer_to_bool(source, target, context))


def _text_to_bool(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        found = _BOOLEANS.get(text.strip().lower())
        if found is None:
            misfit(Code.FORM, "not a boolean")
        return found

    return way(convert, Code.FORM)


# --- decimals ----------------------------------------------------------------------------------------------------


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
        if text in _SPECIAL and not (context.to_postgres and text == b"NaN"):
            misfit(Code.NOT_FINITE, reason)
        return text

    return way(convert, Code.NOT_FINITE, usual=_DIGIT_LAST)


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
        if text in _SPECIAL:
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
    plain = way(lambda text: text if text in _SPECIAL else plain_decimal(Decimal(text.decode())))
    checked = _scaled(target, context) if target.precision is not None else _special(target, context)
    return then(plain, checked)


def plain_decimal(number: Decimal) -> bytes:
    """Digits without exponent."""
    return f"{number:f}".encode()


def _text_to_decimal(source: Type, target: Type, context: Context) -> Way:
    number = _text_number(source, target, context)
    return then(number, _float_to_decimal(source, target, context))


def _bool_to_decimal(source: Type, target: Type, context: Context) -> Way:
    return then(_bool_to_integer(source, target, context), _integer_to_decimal(_BIT, target, context))


def _bit_to_decimal(source: Type, target: Type, context: Context) -> Way:
    return then(way(lambda text: b"%d" % int(text or b"0", 2)), _scaled_or_pass(target, context))


def _scaled_or_pass(target: Type, context: Context) -> Way:
    return PASS if target.precision is None else _scaled(target, context)


_BIT: Final = Type(Kind.INTEGER, "bit", precision=1, unsigned=True)


# --- floats ------------------------------------------------------------------------------------------------------


def _float_to_float(source: Type, target: Type, context: Context) -> Way:
    finite = PASS if context.to_postgres or context.source_engine != "postgresql" else _finite_float(target)
    narrower = (source.precision or 64) > (target.precision or 64)
    sized = then(finite, _narrow(target)) if narrower else finite
    return then(sized, _not_negative(target)) if target.unsigned and not source.unsigned else sized


def _finite_float(target: Type) -> Way:
    def convert(text: bytes) -> bytes:
        if text in _SPECIAL:
            misfit(Code.NOT_FINITE, f"{target.native} holds no NaN and no infinity")
        return text

    return way(convert, Code.NOT_FINITE, usual=_DIGIT_LAST)


def _not_negative(target: Type) -> Way:
    def convert(text: bytes) -> bytes:
        if text.startswith(b"-") and float(text):
            misfit(Code.OUT_OF_RANGE, f"negative, but {target.native} is unsigned")
        return text

    return way(convert, Code.OUT_OF_RANGE, usual=Usual("{v}[0] != 45"))


def _narrow(target: Type) -> Way:
    """A double that is no single-precision number loses digits."""

    def convert(text: bytes) -> bytes:
        number = float(text)
        try:
            same = text in _SPECIAL or _FLOAT4.unpack(_FLOAT4.pack(number))[0] == number
        except OverflowError:
            misfit(Code.OUT_OF_RANGE, f"outside the range of {target.native}")
        if not same:
            misfit(Code.DIGITS, f"more digits than {target.native} keeps")
        return text

    return way(convert, Code.DIGITS, Code.OUT_OF_RANGE)


def _exact_to_float(source: Type, target: Type, context: Context) -> Way:
    """Digits that the float gives back: a decimal 0.1 fits, seventeen nines do not."""
    bits = target.precision or 64
    if source.kind is Kind.INTEGER and (source.precision or 64) <= (32 if bits == 64 else 16):
        return _not_negative(target) if target.unsigned and not source.unsigned else PASS

    def convert(text: bytes) -> bytes:
        if text in _SPECIAL:
            return text
        return _float_text(Decimal(text.decode()), bits, target.native)

    finite = PASS if context.to_postgres else _finite_float(target)
    exact = then(finite, way(convert, Code.DIGITS, Code.OUT_OF_RANGE))
    return then(exact, _not_negative(target)) if target.unsigned else exact


def _float_text(number: Decimal, bits: int, name: str) -> bytes:
    value = float(number)
    if bits == 32:
        try:
            value = _FLOAT4.unpack(_FLOAT4.pack(value))[0]
        except OverflowError:
            misfit(Code.OUT_OF_RANGE, f"outside the range of {name}")
        kept = Decimal(f"{value:.6g}") == number or Decimal(value) == number
    else:
        if math.isinf(value):
            misfit(Code.OUT_OF_RANGE, f"outside the range of {name}")
        kept = Decimal(repr(value)) == number
    if not kept:
        misfit(Code.DIGITS, f"more digits than {name} keeps")
    return float_text(float(number))


def float_text(value: float) -> bytes:
    """The canonical text of a double: the shortest digits, written as PostgreSQL writes them."""
    if not math.isfinite(value):
        return b"NaN" if math.isnan(value) else b"Infinity" if value > 0 else b"-Infinity"
    if value == 0 or 1e-4 <= abs(value) < 1e15:
        return repr(value).removesuffix(".0").encode()
    return _exponent_text(value)


def _exponent_text(value: float) -> bytes:
    """PostgreSQL writes an exponent below 1e-4 and from 1e15 on, with at least two digits and its sign."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    power = exponent + len(digits) - 1
    head, tail = str(digits[0]), "".join(map(str, digits[1:]))
    mantissa = f"{head}.{tail}" if tail else head
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}".encode()


def _text_to_float(source: Type, target: Type, context: Context) -> Way:
    return then(_text_number(source, target, context), _exact_to_float(source, target, context))


def _bool_to_float(source: Type, target: Type, context: Context) -> Way:
    return _bool_to_integer(source, target, context)


# --- bits and years ----------------------------------------------------------------------------------------------


def _bit_to_bit(source: Type, target: Type, context: Context) -> Way:
    padded = source.fixed or context.source_engine != "postgresql"
    if source.length == target.length and (padded or (context.to_postgres and not target.fixed)):
        return PASS
    if context.to_postgres:
        return _postgres_bits(source, target)
    return _mysql_bits(target)


def _postgres_bits(source: Type, target: Type) -> Way:
    length = target.length
    if length is None or (not target.fixed and source.length is not None and source.length <= length):
        return PASS

    def convert(text: bytes) -> bytes:
        if len(text) > length:
            misfit(Code.TOO_LONG, f"more bits than {target.native}")
        if target.fixed and len(text) < length:
            misfit(Code.TOO_SHORT, f"fewer bits than {target.native}")
        return text

    return way(convert, Code.TOO_LONG, Code.TOO_SHORT)


def _mysql_bits(target: Type) -> Way:
    length = target.length or 1

    def convert(text: bytes) -> bytes:
        if len(text) > length and b"1" in text[:-length]:
            misfit(Code.TOO_LONG, f"more bits than {target.native}")
        return text[-length:].rjust(length, b"0")

    return way(convert, Code.TOO_LONG)


def _integer_to_bit(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if text.startswith(b"-"):
            misfit(Code.OUT_OF_RANGE, f"negative, but {target.native} has no sign")
        return b"%b" % format(int(text), "b").encode()

    length = target.length or 64
    padded = way(lambda text: text.rjust(length, b"0"))
    bits = then(then(way(convert, Code.OUT_OF_RANGE), padded), _mysql_bits(target))
    return bits if target.length is not None else way(convert, Code.OUT_OF_RANGE)


def _bool_to_bit(source: Type, target: Type, context: Context) -> Way:
    length = target.length or 1
    return way(lambda text: (b"1" if text == b"t" else b"0").rjust(length, b"0"))


def _integer_to_year(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        year = int(text)
        if year and not 1901 <= year <= 2155:
            misfit(Code.OUT_OF_RANGE, "a year is 0 or 1901 to 2155")
        return b"%d" % year

    return way(convert, Code.OUT_OF_RANGE)


def _year_to_integer(source: Type, target: Type, context: Context) -> Way:
    _, greatest = integer_range(target)
    return PASS if greatest >= 2155 else _in_range(target)


def _text_to_year(source: Type, target: Type, context: Context) -> Way:
    integer = Type(Kind.INTEGER, target.native, precision=32)
    return then(_text_to_integer(source, integer, context), _integer_to_year(source, target, context))


def _text_to_bit(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if text.strip(b"01"):
            misfit(Code.FORM, "not a string of bits")
        return text

    fit = _postgres_bits(source, target) if context.to_postgres else _mysql_bits(target)
    return then(way(convert, Code.FORM), fit)


def _same(source: Type, target: Type, context: Context) -> Way:
    return PASS


_INTEGER_LIKE: Final = Type(Kind.INTEGER, "year", precision=16, unsigned=True)


def _year_as_integer(maker: Maker) -> Maker:
    return lambda source, target, context: maker(_INTEGER_LIKE, target, context)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.INTEGER, Kind.INTEGER): _integer_to_integer,
    (Kind.BOOL, Kind.INTEGER): _bool_to_integer,
    (Kind.BIT, Kind.INTEGER): _bit_to_integer,
    (Kind.YEAR, Kind.INTEGER): _year_to_integer,
    (Kind.DECIMAL, Kind.INTEGER): _decimal_to_integer,
    (Kind.FLOAT, Kind.INTEGER): _decimal_to_integer,
    (Kind.TEXT, Kind.INTEGER): _text_to_integer,
    (Kind.BOOL, Kind.BOOL): _same,
    (Kind.INTEGER, Kind.BOOL): _integer_to_bool,
    (Kind.BIT, Kind.BOOL): _bit_to_bool,
    (Kind.TEXT, Kind.BOOL): _text_to_bool,
    (Kind.DECIMAL, Kind.DECIMAL): _decimal_to_decimal,
    (Kind.INTEGER, Kind.DECIMAL): _integer_to_decimal,
    (Kind.FLOAT, Kind.DECIMAL): _float_to_decimal,
    (Kind.BOOL, Kind.DECIMAL): _bool_to_decimal,
    (Kind.BIT, Kind.DECIMAL): _bit_to_decimal,
    (Kind.YEAR, Kind.DECIMAL): _year_as_integer(_integer_to_decimal),
    (Kind.TEXT, Kind.DECIMAL): _text_to_decimal,
    (Kind.FLOAT, Kind.FLOAT): _float_to_float,
    (Kind.INTEGER, Kind.FLOAT): _exact_to_float,
    (Kind.DECIMAL, Kind.FLOAT): _exact_to_float,
    (Kind.YEAR, Kind.FLOAT): _same,
    (Kind.BOOL, Kind.FLOAT): _bool_to_float,
    (Kind.TEXT, Kind.FLOAT): _text_to_float,
    (Kind.BIT, Kind.BIT): _bit_to_bit,
    (Kind.INTEGER, Kind.BIT): _integer_to_bit,
    (Kind.BOOL, Kind.BIT): _bool_to_bit,
    (Kind.TEXT, Kind.BIT): _text_to_bit,
    (Kind.YEAR, Kind.YEAR): _same,
    (Kind.INTEGER, Kind.YEAR): _integer_to_year,
    (Kind.TEXT, Kind.YEAR): _text_to_year,
}
"""(source kind, target kind) → what makes the conversion."""
