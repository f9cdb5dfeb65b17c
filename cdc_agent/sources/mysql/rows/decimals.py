"""How DECIMAL lies in a row image: groups of nine digits in four bytes, shorter groups at either end.

In: bytes, precision and scale. Out: canonical text with all digits of the scale. The layout is described in
strings/decimal.cc of MySQL (`decimal2bin`): big-endian, the first bit inverted, all bits inverted when negative.
"""

from __future__ import annotations

from typing import Final

GROUP_BYTES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
"""Bytes of a group by its number of digits."""


def groups(precision: int, scale: int) -> tuple[list[int], list[int]]:
    """Digits of each group before and behind the point, in their order."""
    full, rest = divmod(precision - scale, 9)
    whole = [rest] * (rest > 0) + [9] * full
    full, rest = divmod(scale, 9)
    return whole, [9] * full + [rest] * (rest > 0)


def size(precision: int, scale: int) -> int:
    """Bytes of a value."""
    whole, fraction = groups(precision, scale)
    return sum(GROUP_BYTES[digits] for digits in whole + fraction)


def decimal_text(data: bytes, precision: int, scale: int) -> bytes:
    """One value as text, the plain way."""
    negative = not data[0] & 0x80
    if negative:
        data = bytes(byte ^ 0xFF for byte in data)
    data = bytes((data[0] ^ 0x80,)) + data[1:]
    whole, fraction = groups(precision, scale)
    texts = []
    at = 0
    for digits in whole + fraction:
        end = at + GROUP_BYTES[digits]
        texts.append(b"%0*d" % (digits, int.from_bytes(data[at:end], "big")))
        at = end
    number = b"".join(texts[: len(whole)]).lstrip(b"0") or b"0"
    if fraction:
        number += b"." + b"".join(texts[len(whole) :])
    return b"-" + number if negative else number
