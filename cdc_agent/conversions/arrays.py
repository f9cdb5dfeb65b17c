"""PostgreSQL's arrays: their text, and their JSON form.

A JSON array, nested for more dimensions: ``{1,2,NULL}`` → ``[1, 2, null]``.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from cdc_agent.conversions.base import Code, Context, Maker, Way, misfit, way
from cdc_agent.conversions.json_values import Read, ReaderOf, Write, WriterOf
from cdc_agent.model.values import Kind, Type

Nested: TypeAlias = "list[Any]"
"""Lists of bytes, None, or further lists."""
_ARRAY_QUOTED: Final = re.compile(rb'[\s{}",\\]')


# --- as text ---------------------------------------------------------------------------------------------------------


def parse_array(text: bytes) -> Nested:
    """PostgreSQL's array text as nested lists of bytes and None.

    Explicit bounds (``[0:1]={1,2}``) raise MisfitError: no other form can hold them.
    """
    if text.startswith(b"["):
        misfit(Code.FORM, "an array whose indexes do not start at 1")
    reader = _ArrayReader(text)
    result = reader.array()
    if reader.place != len(text):
        misfit(Code.FORM, "not an array")
    return result


class _ArrayReader:
    __slots__ = ("place", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.place = 0

    def array(self) -> Nested:
        self._expect(b"{")
        items: Nested = []
        if self._peek() == b"}":
            self.place += 1
            return items
        while True:
            items.append(self._item())
            mark = self._peek()
            self.place += 1
            if mark == b"}":
                return items
            if mark not in (b",", b":", b";"):
                misfit(Code.FORM, "not an array")

    def _item(self) -> Nested | bytes | None:
        first = self._peek()
        if first == b"{":
            return self.array()
        if first == b'"':
            return self._quoted()
        start = self.place
        while self._peek() not in (b",", b"}", b""):
            self.place += 1
        word = self.text[start : self.place]
        return None if word.upper() == b"NULL" else word

    def _quoted(self) -> bytes:
        self.place += 1
        out = bytearray()
        while (mark := self._peek()) != b'"':
            if mark == b"":
                misfit(Code.FORM, "not an array")
            if mark == b"\\":
                self.place += 1
            out += self._peek()
            self.place += 1
        self.place += 1
        return bytes(out)

    def _peek(self) -> bytes:
        return self.text[self.place : self.place + 1]

    def _expect(self, mark: bytes) -> None:
        if self._peek() != mark:
            misfit(Code.FORM, "not an array")
        self.place += 1


def array_text(items: Nested) -> bytes:
    """Nested lists as PostgreSQL's array text, quoted where PostgreSQL quotes."""
    return b"{" + b",".join(map(_array_item, items)) + b"}"


def _array_item(item: Any) -> bytes:
    if item is None:
        return b"NULL"
    if isinstance(item, list):
        return array_text(item)
    text: bytes = item
    if text == b"" or text.upper() == b"NULL" or _ARRAY_QUOTED.search(text):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return text


# --- as JSON ---------------------------------------------------------------------------------------------------------


def element_type(type_: Type) -> Type:
    return type_.element or Type(Kind.TEXT, "text")


def array_writer(type_: Type, writer_of: WriterOf) -> Write:
    render = writer_of(element_type(type_))

    def nested(items: Nested) -> bytes:
        return b"[" + b", ".join(map(one, items)) + b"]"

    def one(item: Any) -> bytes:
        if item is None:
            return b"null"
        return nested(item) if isinstance(item, list) else render(item)

    return lambda text: nested(parse_array(text))


def array_reader(type_: Type, reader_of: ReaderOf) -> Read:
    read = reader_of(element_type(type_))
    inner_lists = element_type(type_).kind is not Kind.JSON

    def nested(items: list[Any]) -> Nested:
        return [nested(item) if inner_lists and isinstance(item, list) else read(item) for item in items]

    def convert(value: Any) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, list):
            raise TypeError
        items = nested(value)
        if not _rectangular(items):
            misfit(Code.FORM, f"the inner arrays differ in size, which {type_.native} cannot hold")
        return array_text(items)

    return convert


def _rectangular(items: Nested) -> bool:
    """PostgreSQL's arrays of arrays have inner arrays of one size."""
    inner = [item for item in items if isinstance(item, list)]
    if not inner:
        return True
    return len(inner) == len(items) and len({_shape(item) for item in inner}) == 1 and all(map(_rectangular, inner))


def _shape(items: Nested) -> tuple[int, ...]:
    below = _shape(items[0]) if items and isinstance(items[0], list) else ()
    return (len(items), *below)


# --- among themselves ------------------------------------------------------------------------------------------------


def array_to_array(element_way: Maker) -> Maker:
    """Arrays hold any type: `element_way` makes the way of the elements."""

    def maker(source: Type, target: Type, context: Context) -> Way:
        inner = element_way(element_type(source), element_type(target), context)
        convert_element = inner.convert
        if convert_element is None:
            return Way(None, inner.codes)

        def one(item: Any) -> Any:
            if item is None or isinstance(item, list):
                return None if item is None else list(map(one, item))
            return convert_element(item)

        return way(lambda text: array_text(list(map(one, parse_array(text)))), *inner.codes, Code.FORM)

    return maker
