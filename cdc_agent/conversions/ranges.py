"""PostgreSQL's ranges and multiranges: their text, and their JSON form.

A range is ``{"lower": 1, "upper": 5, "bounds": "[)"}``, a missing end null, or ``"empty"``; a multirange is an array of
ranges. The fields of a range are quoted as those of a composite are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from cdc_agent.conversions.arrays import element_type
from cdc_agent.conversions.base import Code, Maker, misfit, same_type
from cdc_agent.conversions.json_values import Read, ReaderOf, Write, WriterOf
from cdc_agent.model.values import Kind, Type

_RangeParts: TypeAlias = "tuple[bytes, bytes | None, bytes | None, bytes] | None"


def range_writer(type_: Type, writer_of: WriterOf) -> Write:
    render = writer_of(element_type(type_))
    multi = "multirange" in type_.native

    def end(text: bytes | None) -> bytes:
        return b"null" if text is None else render(text)

    def one(parts: tuple[bytes, bytes | None, bytes | None, bytes] | None) -> bytes:
        if parts is None:
            return b'"empty"'
        opening, lower, upper, closing = parts
        bounds = (opening + closing).decode()
        return b'{"lower": %b, "upper": %b, "bounds": "%b"}' % (end(lower), end(upper), bounds.encode())

    def convert(text: bytes) -> bytes:
        if multi:
            return b"[" + b", ".join(map(one, _parse_ranges(text))) + b"]"
        return one(_parse_range(text, 0)[0])

    return convert


def _parse_ranges(text: bytes) -> Iterator[_RangeParts]:
    place = 1
    while text[place : place + 1] not in (b"}", b""):
        parts, place = _parse_range(text, place)
        yield parts
        place += text[place : place + 1] == b","


def _parse_range(text: bytes, place: int) -> tuple[_RangeParts, int]:
    """(opening, lower, upper, closing), None for an empty range; and the place behind it."""
    if text[place : place + 5] == b"empty":
        return None, place + 5
    opening = text[place : place + 1]
    lower, place = field_at(text, place + 1, b",")
    upper, place = field_at(text, place + 1, b"])")
    if opening not in (b"[", b"(") or text[place : place + 1] not in (b"]", b")"):
        misfit(Code.FORM, "not a range")
    return (opening, lower, upper, text[place : place + 1]), place + 1


def field_at(text: bytes, place: int, stops: bytes) -> tuple[bytes | None, int]:
    """One end: quoted as in composites (doubled quotes or backslashes), None when there is nothing."""
    out = bytearray()
    quoted = seen = False
    while place < len(text):
        mark = text[place : place + 1]
        if mark == b"\\":
            out += text[place + 1 : place + 2]
            place += 2
            continue
        if mark == b'"':
            seen = True
            if quoted and text[place + 1 : place + 2] == b'"':
                out += b'"'
                place += 2
                continue
            quoted = not quoted
        elif not quoted and mark in [bytes([stop]) for stop in stops]:
            break
        else:
            out += mark
        place += 1
    return (bytes(out) if out or seen else None), place


def range_reader(type_: Type, reader_of: ReaderOf) -> Read:
    read = reader_of(element_type(type_))
    multi = "multirange" in type_.native

    def one(value: Any) -> bytes:
        if value == "empty":
            return b"empty"
        bounds = value["bounds"]
        if bounds not in ("[]", "[)", "(]", "()") or not set(value) <= {"lower", "upper", "bounds"}:
            raise ValueError
        lower, upper = (quoted_field(read(value.get(end))) for end in ("lower", "upper"))
        text: bytes = bounds[0].encode() + lower + b"," + upper + bounds[1].encode()
        return text

    def convert(value: Any) -> bytes | None:
        if value is None:
            return None
        if multi:
            return b"{" + b",".join(map(one, value)) + b"}"
        return one(value)

    return convert


def quoted_field(text: bytes | None) -> bytes:
    if text is None:
        return b""
    if text == b"" or re.search(rb'[\s()\[\],"\\]', text):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'""') + b'"'
    return text


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {(Kind.RANGE, Kind.RANGE): same_type}
