"""JSON itself: what each engine's JSON can hold, and JSON as text.

PostgreSQL's jsonb refuses NUL and half surrogate pairs, MySQL's JSON keeps numbers as 64-bit integers or doubles. The
text of a document passes through as it stands, and is looked at only where the target could lose something. Also the
types of the functions that give other kinds a JSON form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Way, misfit, native, then, way
from cdc_agent.model.values import Kind, Type

Write: TypeAlias = "Callable[[bytes], bytes]"
"""Canonical text of a value → its JSON form."""
Read: TypeAlias = "Callable[[Any], bytes | None]"
"""A parsed JSON value → canonical text; None for null. Another form raises TypeError, KeyError or the like."""
WriterOf: TypeAlias = "Callable[[Type], Write]"
ReaderOf: TypeAlias = "Callable[[Type], Read]"
"""For the values inside: a structure does not know what it is made of."""
_NUL_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_NUMBER: Final = re.compile(rb"[\d.]{16,}|\d[eE][+-]?\d{3}")


def json_to_json(source: Type, target: Type, context: Context) -> Way:
    if context.to_postgres:
        return _storable(target) if native(target) == "jsonb" and native(source) != "jsonb" else PASS
    return _mysql_numbers(target) if context.from_postgres else PASS


def _storable(target: Type) -> Way:
    """The type jsonb refuses NUL and half surrogate pairs."""

    def convert(text: bytes) -> bytes:
        if b"\\u" in text or b"\0" in text:
            if _NUL_ESCAPE.search(text) or b"\0" in text:
                misfit(Code.NUL, r"a \u0000, which jsonb cannot hold")
            if _SURROGATE_ESCAPE.search(text):
                _whole_pairs(text)
        return text

    return way(convert, Code.NUL, Code.ENCODING)


def _whole_pairs(text: bytes) -> None:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        misfit(Code.ENCODING, "half of a surrogate pair")


def _mysql_numbers(target: Type) -> Way:
    """MySQL keeps numbers in JSON as 64-bit integers or doubles; more digits than that would be lost."""

    def exact(number: str) -> None:
        value = Decimal(number)
        whole = "." not in number and "e" not in number.lower()
        if whole and -(1 << 63) <= value < 1 << 64:
            return
        if Decimal(repr(float(value))) != value if abs(value) < Decimal("1.8e308") else True:
            misfit(Code.DIGITS, "a number in the JSON with more digits than MySQL keeps")

    def convert(text: bytes) -> bytes:
        if _LONG_NUMBER.search(text):
            json.loads(text, parse_float=exact, parse_int=exact)
        return text

    return way(convert, Code.DIGITS)


def _text_to_json(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        try:
            json.loads(text, parse_constant=no_constant)
        except (ValueError, RecursionError):
            misfit(Code.FORM, "not JSON")
        return text

    plain = Type(Kind.JSON, "json")
    return then(way(convert, Code.FORM), json_to_json(plain, target, context))


def no_constant(name: str) -> None:
    raise ValueError(name)


def json_string(text: bytes) -> bytes:
    return json.dumps(text.decode(), ensure_ascii=False).encode()


class Number(str):
    """A JSON number with its digits as they stand."""

    __slots__ = ()


def dump_json(value: Any) -> str:
    """JSON text with PostgreSQL's spacing, its numbers as they stood."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {dump_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.JSON, Kind.JSON): json_to_json,
    (Kind.TEXT, Kind.JSON): _text_to_json,
}
