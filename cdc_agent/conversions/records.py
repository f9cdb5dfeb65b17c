"""Values with named parts: PostgreSQL's hstore and composites, their text and their JSON form.

An hstore is an object of strings and nulls, a composite an object by field name.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cdc_agent.conversions.base import Code, Maker, misfit, same_type
from cdc_agent.conversions.json_values import Read, ReaderOf, Write, WriterOf, json_string
from cdc_agent.conversions.ranges import field_at, quoted_field
from cdc_agent.model.values import Kind, Type

_HSTORE_PAIR: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|(NULL))(?:, |$)', re.DOTALL)


# --- hstore ----------------------------------------------------------------------------------------------------------


def hstore_json(text: bytes) -> bytes:
    pairs = list(_HSTORE_PAIR.finditer(text))
    if sum(len(pair[0]) for pair in pairs) != len(text):
        misfit(Code.FORM, "not an hstore")
    items = (
        json_string(_plain(pair[1])) + b": " + (b"null" if pair[3] else json_string(_plain(pair[2]))) for pair in pairs
    )
    return b"{" + b", ".join(items) + b"}"


def _plain(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)


def hstore_text(value: Any) -> bytes | None:
    if value is None:
        return None

    def quote(text: Any) -> str:
        if not isinstance(text, str):
            raise TypeError
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return ", ".join(f"{quote(k)}=>{'NULL' if v is None else quote(v)}" for k, v in value.items()).encode()


# --- composites ------------------------------------------------------------------------------------------------------


def composite_writer(type_: Type, writer_of: WriterOf) -> Write:
    writers = [(json_string(name.encode()), writer_of(field)) for name, field in type_.fields]

    def convert(text: bytes) -> bytes:
        values = _parse_composite(text)
        if len(values) != len(writers):
            misfit(Code.FORM, "the composite's fields have changed")
        fields = (
            name + b": " + (b"null" if value is None else write(value))
            for (name, write), value in zip(writers, values, strict=True)
        )
        return b"{" + b", ".join(fields) + b"}"

    return convert


def _parse_composite(text: bytes) -> list[bytes | None]:
    """PostgreSQL's row text as its fields."""
    if text[:1] != b"(" or text[-1:] != b")":
        misfit(Code.FORM, "not a composite")
    values: list[bytes | None] = []
    place = 1
    while True:
        value, place = field_at(text, place, b",)")
        values.append(value)
        if text[place : place + 1] != b",":
            return values
        place += 1


def composite_reader(type_: Type, reader_of: ReaderOf) -> Read:
    readers = [(name, reader_of(field)) for name, field in type_.fields]

    def convert(value: Any) -> bytes | None:
        if value is None:
            return None
        if set(value) - {name for name, _ in readers}:
            raise KeyError
        return b"(" + b",".join(quoted_field(read(value.get(name))) for name, read in readers) + b")"

    return convert


MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.HSTORE, Kind.HSTORE): same_type,
    (Kind.COMPOSITE, Kind.COMPOSITE): same_type,
}
