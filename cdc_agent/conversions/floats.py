"""Values that become floats, and the canonical text of a float.

Rounding never happens: a value that the target's float does not give back makes a misfit.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Usual, Way, misfit, same, then, way
from cdc_agent.conversions.integers import bool_to_integer
from cdc_agent.conversions.numerals import FINITE_TEXT, SPECIAL, text_number
from cdc_agent.model.values import Kind, Type

_FLOAT4: Final = struct.Struct("<f")


def _float_to_float(source: Type, target: Type, context: Context) -> Way:
    finite = PASS if context.to_postgres or not context.from_postgres else _finite_float(target)
    narrower = (source.precision or 64) > (target.precision or 64)
    sized = then(finite, _narrow(target)) if narrower else finite
    return then(sized, _not_negative(target)) if target.unsigned and not source.unsigned else sized


def _finite_float(target: Type) -> Way:
    def convert(text: bytes) -> bytes:
        if text in SPECIAL:
            misfit(Code.NOT_FINITE, f"{target.native} holds no NaN and no infinity")
        return text

    return way(convert, Code.NOT_FINITE, usual=FINITE_TEXT)


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
            same = text in SPECIAL or _FLOAT4.unpack(_FLOAT4.pack(number))[0] == number
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
        if text in SPECIAL:
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
    return then(text_number(source, target, context), _exact_to_float(source, target, context))


def _bool_to_float(source: Type, target: Type, context: Context) -> Way:
    return bool_to_integer(source, target, context)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.FLOAT, Kind.FLOAT): _float_to_float,
    (Kind.INTEGER, Kind.FLOAT): _exact_to_float,
    (Kind.DECIMAL, Kind.FLOAT): _exact_to_float,
    (Kind.YEAR, Kind.FLOAT): same,
    (Kind.BOOL, Kind.FLOAT): _bool_to_float,
    (Kind.TEXT, Kind.FLOAT): _text_to_float,
}
