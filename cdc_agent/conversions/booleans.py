"""Values that become booleans: 0 and 1, and the words that PostgreSQL takes."""

from __future__ import annotations

from typing import Final

from cdc_agent.conversions.base import Code, Context, Maker, Usual, Way, misfit, same, then, way
from cdc_agent.conversions.bits import number_of_bits
from cdc_agent.model.values import Kind, Type

_BOOLEANS: Final = {
    **dict.fromkeys((b"t", b"true", b"y", b"yes", b"on", b"1"), b"t"),
    **dict.fromkeys((b"f", b"false", b"n", b"no", b"off", b"0"), b"f"),
}


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
    return then(number_of_bits(source), _integer_to_bool(source, target, context))


def _text_to_bool(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        found = _BOOLEANS.get(text.strip().lower())
        if found is None:
            misfit(Code.FORM, "not a boolean")
        return found

    return way(convert, Code.FORM)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.BOOL, Kind.BOOL): same,
    (Kind.INTEGER, Kind.BOOL): _integer_to_bool,
    (Kind.BIT, Kind.BOOL): _bit_to_bool,
    (Kind.TEXT, Kind.BOOL): _text_to_bool,
}
