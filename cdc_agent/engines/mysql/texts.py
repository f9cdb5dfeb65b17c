"""Canonical text of numbers, times and geometries, for rows of the log and rows of a table: caches, short functions.

In: numbers and bytes as they stand in the row image. Out: UTF-8 bytes in the forms of `values.Kind`. The plain
versions, which a property test compares these with, are in `sources.mysql.rows.reference`.
"""

from __future__ import annotations

import struct
from binascii import hexlify
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from math import inf, isfinite, nextafter
from typing import Final

import orjson

from cdc_agent.errors import DecodeError

_CACHED: Final = 1 << 17
"""Entries that a cache may hold before it starts anew; about 16 MB when full."""
_FLOAT4 = struct.Struct("<f")
_SMALLEST_NORMAL_FLOAT4: Final = 2.0**-126
_FIRST_TIE: Final = 2.0**53
_LAST_TIE: Final = 1e41
"""Only between these two have doubles neighbours such that a number of few digits lies halfway; all are integers."""
_EPOCH = date(1970, 1, 1)
_ZERO, _POINT = b"0."


class Cache(dict[int, bytes]):
    """A dictionary that makes what it lacks, and empties itself when it has grown too large."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[int], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, number: int) -> bytes:
        if len(self) >= _CACHED:
            self.clear()
        text = self[number] = self._make(number)
        return text


UNSIGNED_TINY: Final = tuple(b"%d" % number for number in range(256))
SIGNED_TINY: Final = tuple(b"%d" % (number - (number >> 7 << 8)) for number in range(256))
"""By the byte as it stands, read unsigned."""
YEARS: Final = (b"0", *(b"%d" % (1900 + number) for number in range(1, 256)))


def _date(packed: int) -> bytes:
    return b"%04d-%02d-%02d" % (packed >> 9, packed >> 5 & 15, packed & 31)


def _packed_day(packed: int) -> bytes:
    months, day = packed >> 5 & 0x1FFFF, packed & 31
    return b"%04d-%02d-%02d " % (months // 13, months % 13, day)


def _clock(packed: int) -> bytes:
    return b"%02d:%02d:%02d" % (packed >> 12, packed >> 6 & 63, packed & 63)


def _day_since_epoch(days: int) -> bytes:
    return b"%b " % (_EPOCH + timedelta(days)).isoformat().encode()


def _second_of_day(second: int) -> bytes:
    return b"%02d:%02d:%02d" % (second // 3600, second // 60 % 60, second % 60)


DATES: Final = Cache(_date)
"""By DATE's three bytes: year << 9 | month << 5 | day."""
PACKED_DAYS: Final = Cache(_packed_day)
"""By DATETIME2's upper 23 bits: a one, then (year * 13 + month) << 5 | day; a space follows."""
CLOCKS: Final = Cache(_clock)
"""By hour << 12 | minute << 6 | second."""
DAYS: Final = Cache(_day_since_epoch)
"""By days since 1970-01-01; a space follows."""
SECONDS: Final = Cache(_second_of_day)

ZERO_INSTANT: Final = b"0000-00-00 00:00:00+00"


def trimmed_fraction(digits: int) -> Callable[[int], bytes]:
    """A function from the fraction's number (of so many digits) to ``.25``, or to nothing when it is zero."""
    form = b".%%0%dd" % digits

    def fraction(number: int) -> bytes:
        return (form % number).rstrip(b"0") if number else b""

    return fraction


def time_text(size: int) -> Callable[[int], bytes]:
    """A function from TIME2 with so many bytes of fraction, read as one number, to its text."""
    zero = 1 << (23 + 8 * size)
    bits = 8 * size
    mask = (1 << bits) - 1
    fraction = trimmed_fraction(2 * size)

    def text(packed: int) -> bytes:
        packed -= zero
        sign = b"-" if packed < 0 else b""
        packed = abs(packed)
        return sign + CLOCKS[packed >> bits] + fraction(packed & mask)

    return text


def old_time(number: int) -> bytes:
    """TIME as it was before fractions: the decimal digits HHHMMSS."""
    sign = b"-" if number < 0 else b""
    number = abs(number)
    return sign + b"%02d:%02d:%02d" % (number // 10000, number // 100 % 100, number % 100)


def old_datetime(number: int) -> bytes:
    """DATETIME as it was before fractions: the decimal digits YYYYMMDDHHMMSS."""
    day, clock = divmod(number, 1000000)
    return b"%04d-%02d-%02d %02d:%02d:%02d" % (
        day // 10000, day // 100 % 100, day % 100, clock // 10000, clock // 100 % 100, clock % 100,
    )  # fmt: skip


def float8(number: float) -> bytes:
    """The shortest digits that read back as the same double, in the form of PostgreSQL's float8out.

    Between the ends of its plain notation orjson's digits are Python's, and made four times as fast. They are copied,
    since its own object keeps a buffer of some KiB for as long as it lives.
    """
    if 1e-4 <= number < 1e15 or -1e15 < number <= -1e-4:
        digits = orjson.dumps(number, None, orjson.OPT_APPEND_NEWLINE)
        return digits[:-3] if digits[-2] == _ZERO and digits[-3] == _POINT else digits[:-1]
    text = repr(number)
    if -1e15 < number < 1e15:
        return (text[:-2] if text[-2:] == ".0" else text).encode()
    if not isfinite(number):
        return _not_finite(number)
    if _FIRST_TIE <= abs(number) < _LAST_TIE:
        text = _untied(number, text)
    return text.encode() if "e" in text else _scientific(text)


def _untied(number: float, text: str) -> str:
    """The text, but with more digits when it lies halfway between two doubles.

    Python trusts a reader to round such a number to the even one (1e+23), PostgreSQL does not.
    """
    if _is_inside(text, number):
        return text
    tries = (f"{number:.{digits}e}" for digits in range(17))
    return next(longer for longer in tries if _is_inside(longer, number))


def _is_inside(text: str, number: float) -> bool:
    """Whether the text is nearer to the number, which is an integer, than to both its neighbours."""
    twice = 2 * int(Decimal(text))
    return int(number) + int(nextafter(number, -inf)) < twice < int(number) + int(nextafter(number, inf))


def float4(number: float) -> bytes:
    """The same for a single-precision number, in the form of float4out: exponents from six digits on."""
    if not isfinite(number):
        return _not_finite(number)
    start = 6 if abs(number) >= _SMALLEST_NORMAL_FLOAT4 or not number else 1
    for digits in range(start, 9):
        text = f"{number:.{digits}g}"
        if _reads_back(text, number):
            return _float4_form(text)
    return _float4_form(f"{number:.9g}")


def _reads_back(text: str, number: float) -> bool:
    """Whether both doubles beside the text's round to the number, so that it is not halfway to another one."""
    value = float(text)
    try:
        below = _FLOAT4.pack(nextafter(value, -inf))
        return below == _FLOAT4.pack(nextafter(value, inf)) == _FLOAT4.pack(number)
    except OverflowError:
        return False


def _float4_form(text: str) -> bytes:
    """``%.7g`` turns to exponents from 1e+07 on, PostgreSQL from 1e+06 on."""
    digits = text.lstrip("-").partition(".")[0]
    return _scientific(text) if "e" not in text and len(digits) > 6 else text.encode()


def _scientific(text: str) -> bytes:
    """A number of at least ten, written with its point in place, with an exponent instead."""
    sign = "-" if text[0] == "-" else ""
    whole, _, fraction = text.removeprefix("-").partition(".")
    digits = (whole + fraction).rstrip("0")
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{sign}{mantissa}e+{len(whole) - 1:02d}".encode()


def _not_finite(number: float) -> bytes:
    if number != number:
        return b"NaN"
    return b"Infinity" if number > 0 else b"-Infinity"


def ewkb(stored: bytes) -> bytes:
    """A geometry (SRID, then WKB) as PostGIS prints it: the SRID stands inside when it is not zero."""
    if len(stored) < 9 or stored[4] != 1:
        raise DecodeError("a geometry is not in the form that this version knows")
    srid, wkb = stored[:4], stored[4:]
    if srid == b"\0\0\0\0":
        return hexlify(wkb).upper()
    return hexlify(wkb[:4] + bytes((wkb[4] | 0x20,)) + srid + wkb[5:]).upper()
