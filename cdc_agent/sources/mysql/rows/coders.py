"""How each column type is read in generated code: struct characters and an expression over what they give.

In: a logged column. Out: a `Coder`, from which `program` writes the reader. Layouts are those of the `Field_*::pack`
functions in MySQL's sql/field.cc and my_time.cc; MariaDB shares them but for its compressed columns.
"""

from __future__ import annotations

import zlib
from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cdc_agent.engines.mysql import texts
from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.rows import columns as codes
from cdc_agent.sources.mysql.rows import decimals
from cdc_agent.sources.mysql.rows.charsets import BINARY, Charsets
from cdc_agent.sources.mysql.rows.columns import Logged
from cdc_agent.sources.mysql.rows.json_binary import json_text

_DEFLATED: Final = 0x80
_RAW_DEFLATE: Final = 0x08


@dataclass(frozen=True, slots=True)
class Coder:
    """How one column is read.

    `form` is an expression over `{0}`, `{1}` … (what the parts give) and names, of which those in `names` carry the
    column's index as `#`. For a sized column `form` is the length and `data` the expression over the bytes `{0}`.
    """

    parts: tuple[str, ...]
    """struct characters."""
    size: int
    """Bytes of the parts."""
    form: str
    big: bool = False
    """Big-endian."""
    data: str | None = None
    number: str | None = None
    """For an integer: as `form`, but its value."""
    names: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sized(self) -> bool:
        return self.data is not None

    def expression(self, index: int, parts: Sequence[str]) -> str:
        """The value, or the length of a sized one, from the variables that hold its parts."""
        return self.form.format(*parts).replace("#", f"_{index}")

    def value(self, index: int, source: str) -> str:
        """The value of a sized column from the expression of its bytes."""
        return (self.data or "{0}").format(source).replace("#", f"_{index}")


def coder(column: Logged, charsets: Charsets) -> Coder:
    """How to read this column; DecodeError for a type or a width that is not known."""
    if column.code in _PLAIN:
        return _PLAIN[column.code](column)
    if column.code in codes.CHARACTER:
        return _string(column, charsets)
    if column.code == codes.JSON:
        return _sized(column.size, "json_text({0})")
    if column.code == codes.GEOMETRY:
        return _sized(column.size, "ewkb({0})")
    if column.code == codes.VECTOR:
        return _sized(column.size, _HEX)
    raise DecodeError(f"column {column.name} has type {column.code}, which this version does not know")


# --- numbers -----------------------------------------------------------------------------------------------------

_NUMBER: Final = 'b"%d" % {0}'
_HEX: Final = 'b"\\\\x" + hexlify({0})'
_WIDTHS: Final[dict[int, tuple[str, ...]]] = {
    1: ("B",), 2: ("H",), 3: ("H", "B"), 4: ("I",), 8: ("Q",),
}  # fmt: skip
"""struct characters of an unsigned little-endian number by its bytes."""
_UNSIGNED: Final = {1: "{0}", 2: "{0}", 3: "{0} | {1} << 16", 4: "{0}", 8: "{0}"}


def _integer(size: int, signed: str, unsigned: str) -> Callable[[Logged], Coder]:
    def make(column: Logged) -> Coder:
        return Coder((unsigned if column.unsigned else signed,), size, _NUMBER, number="{0}")

    return make


def _tiny(column: Logged) -> Coder:
    """A look-up of the text; a negative number counts from the end."""
    if column.unsigned:
        return Coder(("B",), 1, "UNSIGNED_TINY[{0}]", number="{0}")
    return Coder(("b",), 1, "SIGNED_TINY[{0}]", number="{0}")


def _int24(column: Logged) -> Coder:
    number = "({0} | {1} << 16)"
    return Coder(("H", "B" if column.unsigned else "b"), 3, _NUMBER.format(number), number=number)


def _float(column: Logged) -> Coder:
    if column.size not in {4, 8}:
        raise DecodeError(f"column {column.name} is a number of {column.size} bytes")
    return Coder(("f",), 4, "float4({0})") if column.size == 4 else Coder(("d",), 8, "float8({0})")


_BIG_PARTS: Final[dict[int, tuple[str, ...]]] = {1: ("B",), 2: ("H",), 3: ("B", "H"), 4: ("I",)}


def _decimal(column: Logged) -> Coder:
    """Each group is one number; the first bit says that the value is positive, else all bits are inverted."""
    whole, fraction = decimals.groups(column.precision, column.scale)
    parts: list[str] = []
    positive: list[str] = []
    negative: list[str] = []
    for digits in whole + fraction:
        size = decimals.GROUP_BYTES[digits]
        own = _BIG_PARTS[size]
        value = _group(len(parts), own)
        full = 1 << (8 * size)
        first = full // 2 if not parts else 0
        positive.append(f"({value} - {first})" if first else value)
        negative.append(f"({full - 1 - first} - {value})")
        parts += own
    limit = {"B": 0x80, "H": 0x8000, "I": 0x80000000}[parts[0]]
    split = len(whole)
    form = (
        f"{_decimal_text('', positive, split, fraction)} if {{0}} >= {limit} else "
        f"{_decimal_text('-', negative, split, fraction)}"
    )
    return Coder(tuple(parts), decimals.size(column.precision, column.scale), f"({form})", big=True)


def _group(first: int, parts: tuple[str, ...]) -> str:
    if len(parts) == 2:
        return f"({{{first}}} << 16 | {{{first + 1}}})"
    return f"{{{first}}}"


def _decimal_text(sign: str, values: list[str], split: int, fraction: list[int]) -> str:
    whole = _joined(values[:split], [9] * split) or "0"
    if not fraction:
        return f'b"{sign}%d" % ({whole})'
    return f'b"{sign}%d.%0{sum(fraction)}d" % ({whole}, {_joined(values[split:], fraction)})'


def _joined(values: list[str], digits: list[int]) -> str:
    """One number out of groups of decimal digits."""
    text = ""
    for value, count in zip(values, digits, strict=True):
        text = f"({text} * {10**count} + {value})" if text else value
    return text


# --- dates and times ---------------------------------------------------------------------------------------------


def _fraction_bytes(column: Logged) -> int:
    if column.precision > 6:
        raise DecodeError(f"column {column.name} has {column.precision} digits of fractional seconds")
    return (column.precision + 1) // 2


_FRACTION_PARTS: Final[tuple[tuple[str, ...], ...]] = ((), ("B",), ("H",), ("B", "H"))


def _with_fraction(day: str, clock: str, size: int, first: int, tail: str = "") -> str:
    """The text of a time of day behind its day; one formatting for all of it where there are microseconds."""
    fraction, low = f"{{{first}}}", f"{{{first + 1}}}"
    end = f' + b"{tail}"' if tail else ""
    if size < 3:
        return f"{day} + {clock}" + (f" + fraction{2 * size}({fraction})" if size else "") + end
    whole = f'b"%b%b.%06d{tail}" % ({day}, {clock}, f)'
    return f"({whole} if (f := {fraction} << 16 | {low}) % 10 else {day} + {clock} + fraction6(f){end})"


def _datetime2(column: Logged) -> Coder:
    size = _fraction_bytes(column)
    form = _with_fraction("PACKED_DAYS[{0} >> 9]", "CLOCKS[({0} & 511) << 8 | {1}]", size, 2)
    return Coder(("I", "B", *_FRACTION_PARTS[size]), 5 + size, form, big=True)


def _timestamp2(column: Logged) -> Coder:
    size = _fraction_bytes(column)
    parts = ("I", *_FRACTION_PARTS[size])
    some = " or ".join(f"{{{place}}}" for place in range(len(parts)))
    text = _with_fraction("DAYS[{0} // 86400]", "SECONDS[{0} % 86400]", size, 1, "+00")
    return Coder(parts, 4 + size, f"({text} if {some} else ZERO_INSTANT)", big=True)


def _time2(column: Logged) -> Coder:
    size = _fraction_bytes(column)
    parts = (("B", "H"), ("I",), ("B", "I"), ("H", "I"))[size]
    packed = ("{0} << 16 | {1}", "{0}", "{0} << 32 | {1}", "{0} << 32 | {1}")[size]
    return Coder(parts, 3 + size, f"time{size}({packed})", big=True)


_PLAIN: Final[dict[int, Callable[[Logged], Coder]]] = {
    codes.TINY: _tiny,
    codes.SHORT: _integer(2, "h", "H"),
    codes.INT24: _int24,
    codes.LONG: _integer(4, "i", "I"),
    codes.LONGLONG: _integer(8, "q", "Q"),
    codes.FLOAT: _float,
    codes.DOUBLE: _float,
    codes.NEWDECIMAL: _decimal,
    codes.YEAR: lambda _: Coder(("B",), 1, "YEARS[{0}]"),
    codes.DATE: lambda _: Coder(("H", "B"), 3, "DATES[{0} | {1} << 16]"),
    codes.NEWDATE: lambda _: Coder(("H", "B"), 3, "DATES[{0} | {1} << 16]"),
    codes.DATETIME2: _datetime2,
    codes.TIMESTAMP2: _timestamp2,
    codes.TIME2: _time2,
    codes.DATETIME: lambda _: Coder(("Q",), 8, "old_datetime({0})"),
    codes.TIME: lambda _: Coder(("H", "b"), 3, "old_time({0} | {1} << 16)"),
    codes.TIMESTAMP: lambda _: Coder(
        ("I",), 4, '(DAYS[{0} // 86400] + SECONDS[{0} % 86400] + b"+00" if {0} else ZERO_INSTANT)'
    ),
    codes.BIT: lambda column: _bit(column),
    codes.ENUM: lambda column: _enum(column),
    codes.SET: lambda column: _set(column),
}


# --- bits and labels ---------------------------------------------------------------------------------------------


def _bit(column: Logged) -> Coder:
    bits = column.precision

    def text(raw: bytes) -> bytes:
        return f"{int.from_bytes(raw, 'big'):0{bits}b}".encode()

    return Coder((f"{column.size}s",), column.size, "bits#({0})", names={"bits": text})


def _enum(column: Logged) -> Coder:
    if column.size not in {1, 2}:
        raise DecodeError(f"column {column.name} is an enum of {column.size} bytes")
    labels = ("", *column.labels)
    encoded = tuple(label.encode() for label in labels)
    return Coder(_WIDTHS[column.size], column.size, "labels#[{0}]", names={"labels": encoded})


def _set(column: Logged) -> Coder:
    if column.size not in _WIDTHS:
        raise DecodeError(f"column {column.name} is a set of {column.size} bytes")
    labels = [label.encode() for label in column.labels]

    def joined(number: int) -> bytes:
        if number >> len(labels):
            raise IndexError
        return b",".join([label for place, label in enumerate(labels) if number >> place & 1])

    form = f"sets#[{_UNSIGNED[column.size]}]"
    return Coder(_WIDTHS[column.size], column.size, form, names={"sets": texts.Cache(joined)})


# --- strings -----------------------------------------------------------------------------------------------------


def _sized(prefix: int, data: str, names: Mapping[str, Any] | None = None) -> Coder:
    if prefix not in {1, 2, 3, 4}:
        raise DecodeError(f"a length of {prefix} bytes is not known")
    return Coder(_WIDTHS[prefix], prefix, _UNSIGNED[prefix], data=data, names=names or {})


def _string(column: Logged, charsets: Charsets) -> Coder:
    prefix = codes.prefix(column)
    data = "inflate({0})" if column.code in codes.COMPRESSED else "{0}"
    if column.charset == BINARY:
        if column.code == codes.STRING:
            data = f'{data}.ljust({column.size}, b"\\0")'
        return _sized(prefix, _HEX.format(data))
    if column.charset is None:
        raise DecodeError(f"column {column.name} has no character set in the log")
    decode = charsets.decoder(column.charset)
    if decode is None:
        return _sized(prefix, data)
    return _sized(prefix, f"decode#({data})", {"decode": decode})


def inflate(stored: bytes) -> bytes:
    """The value of a MariaDB COMPRESSED column: a header byte, the length, deflated bytes; or zero and the bytes."""
    if not stored or stored[0] == 0:
        return stored[1:]
    header = stored[0]
    size_bytes = header & 7
    if not header & _DEFLATED or size_bytes > 4:
        raise DecodeError("a compressed column uses a method that this version does not know")
    begin = 1 + size_bytes
    value = zlib.decompress(stored[begin:], -zlib.MAX_WBITS if header & _RAW_DEFLATE else zlib.MAX_WBITS)
    if len(value) != int.from_bytes(stored[1:begin], "big"):
        raise DecodeError("a compressed column's value has another length than it says")
    return value


NAMES: Final[dict[str, Any]] = {
    "UNSIGNED_TINY": texts.UNSIGNED_TINY,
    "SIGNED_TINY": texts.SIGNED_TINY,
    "YEARS": texts.YEARS,
    "DATES": texts.DATES,
    "PACKED_DAYS": texts.PACKED_DAYS,
    "CLOCKS": texts.CLOCKS,
    "DAYS": texts.DAYS,
    "SECONDS": texts.SECONDS,
    "ZERO_INSTANT": texts.ZERO_INSTANT,
    "fraction2": texts.trimmed_fraction(2),
    "fraction4": texts.trimmed_fraction(4),
    "fraction6": texts.trimmed_fraction(6),
    "time0": texts.time_text(0),
    "time1": texts.time_text(1),
    "time2": texts.time_text(2),
    "time3": texts.time_text(3),
    "old_time": texts.old_time,
    "old_datetime": texts.old_datetime,
    "float4": texts.float4,
    "float8": texts.float8,
    "hexlify": hexlify,
    "inflate": inflate,
    "ewkb": texts.ewkb,
    "json_text": json_text,
}
"""Every name that the expressions above use."""
