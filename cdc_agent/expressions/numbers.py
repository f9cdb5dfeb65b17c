"""Arithmetic as the engines define it. Arguments are never None; ZeroDivisionError and decimal errors become misfits.

https://www.postgresql.org/docs/current/functions-math.html,
https://dev.mysql.com/doc/refman/8.4/en/precision-math.html
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any, Final, NoReturn

from cdc_agent.conversions.base import Code, misfit

EXACT: Final = decimal.Context(
    prec=3000,
    Emax=999_999,
    Emin=-999_999,
    rounding=ROUND_HALF_UP,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
"""Wide enough that nothing that a column holds is ever rounded."""
_ONE: Final = Decimal(1)
_MYSQL_SCALE_STEP: Final = 4
"""div_precision_increment"""


def bounds(bits: int, unsigned: bool) -> tuple[int, int]:
    """The least and the greatest integer of a type."""
    return (0, (1 << bits) - 1) if unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)


def out_of_range() -> NoReturn:
    misfit(Code.OUT_OF_RANGE, "integer out of range")


def in_range(bits: int, unsigned: bool) -> Callable[[int], int]:
    """A check that an integer result fits its type."""
    low, high = bounds(bits, unsigned)

    def check(value: int) -> int:
        return value if low <= value <= high else out_of_range()

    return check


def finite(value: float) -> float:
    """The result of MySQL's float arithmetic, which has no infinity."""
    if not math.isfinite(value):
        misfit(Code.OUT_OF_RANGE, "float out of range")
    return value


# --- division ----------------------------------------------------------------------------------------------------


def divide_integers(a: int, b: int) -> int:
    """Towards zero."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def remainder_integers(a: int, b: int) -> int:
    """With the dividend's sign."""
    return a - b * divide_integers(a, b)


def remainder(a: Decimal, b: Decimal) -> Decimal:
    return EXACT.remainder(a, b)


def divide_floats(a: float, b: float) -> float:
    return a / b


def divide(a: Decimal, b: Decimal) -> Decimal:
    """PostgreSQL's numeric division: at least sixteen significant digits (numeric.c, select_div_scale)."""
    if not a.is_finite() or not b.is_finite():
        return EXACT.divide(a, b)
    if not b:
        raise ZeroDivisionError
    scale = max(16 - 4 * _quotient_weight(a, b), _scale(a), _scale(b), 0)
    return _round(EXACT.divide(a, b), min(scale, 1000))


def _quotient_weight(a: Decimal, b: Decimal) -> int:
    (weight_a, first_a), (weight_b, first_b) = _base_10000(a), _base_10000(b)
    return weight_a - weight_b - (first_a <= first_b)


def _base_10000(number: Decimal) -> tuple[int, int]:
    """(power of 10,000, value) of the first digit in base 10,000."""
    if not number:
        return 0, 0
    power = number.adjusted() // 4
    return power, int(EXACT.scaleb(abs(number), -4 * power))


def _scale(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def mysql_divide(a: Decimal, b: Decimal) -> Decimal | None:
    """Four more digits than the dividend has; NULL for a division by zero."""
    if not b:
        return None
    return _round(EXACT.divide(a, b), min(_scale(a) + _MYSQL_SCALE_STEP, 30))


def mysql_divide_floats(a: float, b: float) -> float | None:
    return finite(a / b) if b else None


def mysql_div(a: Decimal, b: Decimal) -> int | None:
    return int(EXACT.divide_int(a, b)) if b else None


def mysql_div_integers(a: int, b: int) -> int | None:
    return divide_integers(a, b) if b else None


def mysql_remainder_integers(a: int, b: int) -> int | None:
    return remainder_integers(a, b) if b else None


def mysql_remainder(a: Decimal, b: Decimal) -> Decimal | None:
    return EXACT.remainder(a, b) if b else None


def mysql_remainder_floats(a: float, b: float) -> float | None:
    return math.fmod(a, b) if b else None


# --- rounding ----------------------------------------------------------------------------------------------------


def _round(number: Decimal, scale: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """To so many digits after the point; the result shows them all."""
    return number.quantize(_ONE.scaleb(-scale), rounding=rounding, context=EXACT)


def _rounded(number: Decimal, digits: int, rounding: str) -> Decimal:
    if not number.is_finite():
        return number
    if digits >= 0:
        return _round(number, digits, rounding)
    unit = _ONE.scaleb(-digits)
    return _round(EXACT.multiply(_round(EXACT.divide(number, unit), 0, rounding), unit), 0)


def round_decimal(number: Decimal, digits: int) -> Decimal:
    return _rounded(number, digits, ROUND_HALF_UP)


def truncate_decimal(number: Decimal, digits: int) -> Decimal:
    return _rounded(number, digits, ROUND_DOWN)


def mysql_round(number: Decimal, digits: int) -> Decimal:
    """MySQL shows no more digits than the argument has."""
    return _rounded(number, min(digits, max(_scale(number), 0)), ROUND_HALF_UP)


def mysql_truncate(number: Decimal, digits: int) -> Decimal:
    return _rounded(number, min(digits, max(_scale(number), 0)), ROUND_DOWN)


def round_integer(number: int, digits: int) -> int:
    return int(_rounded(Decimal(number), min(digits, 0), ROUND_HALF_UP))


def truncate_integer(number: int, digits: int) -> int:
    return int(_rounded(Decimal(number), min(digits, 0), ROUND_DOWN))


def round_float(number: float) -> float:
    """To the even neighbour, as the C library's rint."""
    return float(round(number)) if math.isfinite(number) and abs(number) < 2**53 else number


def round_float_to(number: float, digits: int) -> float:
    """MySQL's way: scaled, rounded to even, scaled back."""
    scale = 10.0 ** abs(digits)
    if digits < 0:
        return round_float(number / scale) * scale
    scaled = number * scale
    return round_float(scaled) / scale if math.isfinite(scaled) else number


def truncate_float(number: float) -> float:
    return float(math.trunc(number)) if math.isfinite(number) and abs(number) < 2**53 else number


def truncate_float_to(number: float, digits: int) -> float:
    scale = 10.0 ** abs(digits)
    if digits < 0:
        return math.trunc(number / scale) * scale
    scaled = number * scale
    return math.trunc(scaled) / scale if math.isfinite(scaled) else number


def ceil_decimal(number: Decimal) -> Decimal:
    return _round(number, 0, ROUND_CEILING) if number.is_finite() else number


def floor_decimal(number: Decimal) -> Decimal:
    return _round(number, 0, ROUND_FLOOR) if number.is_finite() else number


def ceil_float(number: float) -> float:
    return float(math.ceil(number)) if math.isfinite(number) else number


def floor_float(number: float) -> float:
    return float(math.floor(number)) if math.isfinite(number) else number


# --- the rest ----------------------------------------------------------------------------------------------------


def absolute(number: Decimal) -> Decimal:
    return number.copy_abs()


def negate(number: Decimal) -> Decimal:
    return number.copy_negate() if number or not number.is_finite() else number


def sign(number: Any) -> int:
    return int(number > 0) - int(number < 0)


def sign_decimal(number: Decimal) -> Decimal:
    return number if number.is_nan() else Decimal(sign(number))


def sign_float(number: float) -> float:
    return float(sign(number))


def power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def square_root(number: float) -> float:
    return math.sqrt(number)


def mysql_square_root(number: float) -> float | None:
    return math.sqrt(number) if number >= 0 else None


def square_root_decimal(number: Decimal) -> Decimal:
    """numeric.c, numeric_sqrt: at least sixteen significant digits."""
    if number < 0:
        misfit(Code.EXPRESSION, "square root of a negative number")
    weight = _base_10000(number)[0]
    scale = min(max(16 - ((weight + 1) * 2 - 1), _scale(number), 0), 1000)
    return _round(number.sqrt(EXACT), scale)


def mysql_logarithm(number: float) -> float | None:
    return math.log(number) if number > 0 else None


def mysql_logarithm_10(number: float) -> float | None:
    return math.log10(number) if number > 0 else None


def mysql_logarithm_2(number: float) -> float | None:
    return math.log2(number) if number > 0 else None


def mysql_logarithm_to(base: float, number: float) -> float | None:
    return math.log(number) / math.log(base) if number > 0 and base > 0 and base != 1 else None


# --- comparison and casts ----------------------------------------------------------------------------------------


def order(number: Any) -> tuple[bool, Any]:
    """PostgreSQL's NaN equals itself and is greater than all else."""
    return (True, 0) if number != number else (False, number)


def decimal_of_float(number: float) -> Decimal:
    """PostgreSQL's cast of a double keeps fifteen significant digits."""
    if not math.isfinite(number):
        return Decimal(number)
    return Decimal(f"{number:.15g}") + 0 if number else Decimal(0)


def mysql_decimal_of_float(number: float) -> Decimal:
    return Decimal(repr(number))


def integer_of_float(number: float) -> int:
    """To the even neighbour, as PostgreSQL casts."""
    if not math.isfinite(number):
        misfit(Code.OUT_OF_RANGE, "integer out of range")
    return round(number)


def integer_of_decimal(number: Decimal) -> int:
    if not number.is_finite():
        misfit(Code.OUT_OF_RANGE, "NaN and infinity are no integers")
    return int(_round(number, 0))


def mysql_integer_of_float(number: float) -> int:
    return round(number)


def to_scale(precision: int, scale: int, *, clamp: bool) -> Callable[[Decimal], Decimal]:
    """The cast to DECIMAL(p, s): PostgreSQL refuses too many digits, MySQL takes the nearest that fits."""
    limit = _ONE.scaleb(precision - scale)
    greatest = EXACT.subtract(limit, _ONE.scaleb(-scale))

    def cast(number: Decimal) -> Decimal:
        if not number.is_finite():
            return number
        rounded = _round(number, scale) if scale >= 0 else _rounded(number, scale, ROUND_HALF_UP)
        if abs(rounded) < limit:
            return rounded
        if not clamp:
            misfit(Code.OUT_OF_RANGE, "numeric field overflow")
        return greatest.copy_sign(rounded)

    return cast


def divide_whole(a: Decimal, b: Decimal) -> Decimal:
    """DIV of PostgreSQL: the whole part of the quotient."""
    if not b:
        raise ZeroDivisionError
    return EXACT.divide_int(a, b)
