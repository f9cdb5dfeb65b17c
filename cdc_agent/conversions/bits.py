"""Values that become strings of bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Way, misfit, then, way
from cdc_agent.model.values import Kind, Type


def vary(source: Type) -> bool:
    """Whether the length of a BIT belongs to the value: ``1`` and ``01`` are two of bit varying."""
    return source.kind is Kind.BIT and "var" in source.native


def number_of_bits(source: Type) -> Way:
    """The number that bits spell; where their length may vary only of those that the number spells again."""
    number = way(lambda text: b"%d" % int(text or b"0", 2))
    return then(way(_without_leading_zeros, Code.DIGITS), number) if vary(source) else number


def _without_leading_zeros(text: bytes) -> bytes:
    if text != b"0" and not text.startswith(b"1"):
        misfit(Code.DIGITS, "leading zeros of bits, which a number does not keep")
    return text


def _bit_to_bit(source: Type, target: Type, context: Context) -> Way:
    padded = not vary(source)
    if source.length == target.length and (padded or (context.to_postgres and not target.fixed)):
        return PASS
    if context.to_postgres:
        return _postgres_bits(source, target)
    return _mysql_bits(target) if padded else _all_bits(target)


def _postgres_bits(source: Type, target: Type) -> Way:
    length = target.length
    if length is not None and not target.fixed and source.length is not None and source.length <= length:
        return PASS
    return fit_bits(target)


def fit_bits(target: Type) -> Way:
    """Bits as they are, if the target holds so many."""
    length = target.length
    if length is None:
        return PASS

    def convert(text: bytes) -> bytes:
        if len(text) > length:
            misfit(Code.TOO_LONG, f"more bits than {target.native}")
        if target.fixed and len(text) < length:
            misfit(Code.TOO_SHORT, f"fewer bits than {target.native}")
        return text

    return way(convert, Code.TOO_LONG, *([Code.TOO_SHORT] if target.fixed else []))


def _all_bits(target: Type) -> Way:
    """Strings of bits that are as long as the target's: ``1`` and ``01`` would be one value in a longer one."""
    return fit_bits(replace(target, length=target.length or 1, fixed=True))


def _mysql_bits(target: Type) -> Way:
    """Numbers of bits, which leading zeros do not change."""
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


def _text_to_bit(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        if text.strip(b"01"):
            misfit(Code.FORM, "not a string of bits")
        return text

    fit = _postgres_bits(source, target) if context.to_postgres else _all_bits(target)
    return then(way(convert, Code.FORM), fit)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.BIT, Kind.BIT): _bit_to_bit,
    (Kind.INTEGER, Kind.BIT): _integer_to_bit,
    (Kind.BOOL, Kind.BIT): _bool_to_bit,
    (Kind.TEXT, Kind.BIT): _text_to_bit,
}
