"""Values with an inside: JSON, PostgreSQL's arrays, ranges, hstore and composites, geometries.

The documented JSON forms, each of which can be read back:

- array: a JSON array, nested for more dimensions: ``{1,2,NULL}`` → ``[1, 2, null]``
- range: ``{"lower": 1, "upper": 5, "bounds": "[)"}``, a missing end is null; ``"empty"``
- multirange: a JSON array of ranges
- hstore: an object of strings and nulls
- composite: an object by field name
- set: an array of labels

Inside them integers and finite decimals are JSON numbers, booleans are true and false, JSON stays JSON, and all else
is a string of canonical text. A decimal in a JSON number keeps its digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, TypeAlias

from cdc_agent.conversions.base import PASS, Code, Context, Maker, Way, misfit, native, then, way
from cdc_agent.conversions.texts import fit_bytes, fit_text
from cdc_agent.model.values import Kind, Type

Nested: TypeAlias = "list[Any]"
"""Lists of bytes, None, or further lists."""

_NUL_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_NUMBER: Final = re.compile(rb"[\d.]{16,}|\d[eE][+-]?\d{3}")
_JSON_NUMBER: Final = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ARRAY_QUOTED: Final = re.compile(rb'[\s{}",\\]')


# --- JSON --------------------------------------------------------------------------------------------------------


def _json_to_json(source: Type, target: Type, context: Context) -> Way:
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
            json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            misfit(Code.FORM, "not JSON")
        return text

    plain = Type(Kind.JSON, "json")
    return then(way(convert, Code.FORM), _json_to_json(plain, target, context))


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _scalar_to_json(source: Type, target: Type, context: Context) -> Way:
    render = _json_writer(source)
    return way(lambda text: render(text))


def _set_to_json(source: Type, target: Type, context: Context) -> Way:
    def convert(text: bytes) -> bytes:
        return b"[" + b", ".join(map(_string, text.split(b",") if text else ())) + b"]"

    return way(convert)


def _string(text: bytes) -> bytes:
    return json.dumps(text.decode(), ensure_ascii=False).encode()


def _json_writer(type_: Type) -> Callable[[bytes], bytes]:
    """Canonical text of a type → JSON."""
    match type_.kind:
        case Kind.BOOL:
            return lambda text: b"true" if text == b"t" else b"false"
        case Kind.INTEGER | Kind.DECIMAL | Kind.FLOAT | Kind.YEAR:
            return lambda text: text if _JSON_NUMBER.fullmatch(text) else _string(text)
        case Kind.JSON:
            return lambda text: text
        case Kind.ARRAY:
            return _array_writer(type_)
        case Kind.RANGE:
            return _range_writer(type_)
        case Kind.HSTORE:
            return _hstore_json
        case Kind.COMPOSITE:
            return _composite_writer(type_)
        case _:
            return _string


def _to_json(source: Type, target: Type, context: Context) -> Way:
    return then(way(_json_writer(source), Code.FORM), _json_to_json(Type(Kind.JSON, "json"), target, context))


def _json_to(source: Type, target: Type, context: Context) -> Way:
    """The same forms back."""
    read = _json_reader(target)

    def convert(text: bytes) -> bytes | None:
        try:
            value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            misfit(Code.FORM, "not JSON")
        try:
            return read(value)
        except (TypeError, KeyError, ValueError, AttributeError):
            misfit(Code.FORM, f"not in the JSON form of {target.native}")

    return way(convert, Code.FORM)


class _Number(str):
    """A JSON number with its digits as they stand."""

    __slots__ = ()


Read: TypeAlias = "Callable[[Any], bytes | None]"


def _json_reader(type_: Type) -> Read:
    """A parsed JSON value → canonical text of a type; None for null."""
    match type_.kind:
        case Kind.ARRAY:
            return _array_reader(type_)
        case Kind.RANGE:
            return _range_reader(type_)
        case Kind.HSTORE:
            return _hstore_text
        case Kind.COMPOSITE:
            return _composite_reader(type_)
        case Kind.JSON:
            return lambda value: None if value is None else dump_json(value).encode()
        case Kind.BOOL:
            return _read_bool
        case Kind.INTEGER | Kind.DECIMAL | Kind.FLOAT | Kind.YEAR:
            return _read_number
        case _:
            return _read_string


def _read_bool(value: Any) -> bytes | None:
    if value is None:
        return None
    if value is not True and value is not False:
        raise TypeError
    return b"t" if value else b"f"


def _read_number(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, _Number) and value not in ("NaN", "Infinity", "-Infinity"):
        raise TypeError
    return value.encode() if isinstance(value, str) else None


def _read_string(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError
    return value.encode()


def dump_json(value: Any) -> str:
    """JSON text with PostgreSQL's spacing, its numbers as they stood."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {dump_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# --- arrays ------------------------------------------------------------------------------------------------------


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


def _element(type_: Type) -> Type:
    return type_.element or Type(Kind.TEXT, "text")


def _array_writer(type_: Type) -> Callable[[bytes], bytes]:
    render = _json_writer(_element(type_))

    def nested(items: Nested) -> bytes:
        return b"[" + b", ".join(map(one, items)) + b"]"

    def one(item: Any) -> bytes:
        if item is None:
            return b"null"
        return nested(item) if isinstance(item, list) else render(item)

    return lambda text: nested(parse_array(text))


def _array_reader(type_: Type) -> Read:
    read = _json_reader(_element(type_))
    inner_lists = _element(type_).kind is not Kind.JSON

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


def array_to_array(element_way: Maker) -> Maker:
    """Arrays hold any type: `element_way` makes the way of the elements."""

    def maker(source: Type, target: Type, context: Context) -> Way:
        inner = element_way(_element(source), _element(target), context)
        convert_element = inner.convert
        if convert_element is None:
            return Way(None, inner.codes)

        def one(item: Any) -> Any:
            if item is None or isinstance(item, list):
                return None if item is None else list(map(one, item))
            return convert_element(item)

        return way(lambda text: array_text(list(map(one, parse_array(text)))), *inner.codes, Code.FORM)

    return maker


# --- ranges ------------------------------------------------------------------------------------------------------


def _range_writer(type_: Type) -> Callable[[bytes], bytes]:
    render = _json_writer(_element(type_))
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


_RangeParts: TypeAlias = "tuple[bytes, bytes | None, bytes | None, bytes] | None"


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
    lower, place = _range_end(text, place + 1, b",")
    upper, place = _range_end(text, place + 1, b"])")
    if opening not in (b"[", b"(") or text[place : place + 1] not in (b"]", b")"):
        misfit(Code.FORM, "not a range")
    return (opening, lower, upper, text[place : place + 1]), place + 1


def _range_end(text: bytes, place: int, stops: bytes) -> tuple[bytes | None, int]:
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


def _range_reader(type_: Type) -> Read:
    read = _json_reader(_element(type_))
    multi = "multirange" in type_.native

    def one(value: Any) -> bytes:
        if value == "empty":
            return b"empty"
        bounds = value["bounds"]
        if bounds not in ("[]", "[)", "(]", "()") or not set(value) <= {"lower", "upper", "bounds"}:
            raise ValueError
        lower, upper = (_quote_end(read(value.get(end))) for end in ("lower", "upper"))
        text: bytes = bounds[0].encode() + lower + b"," + upper + bounds[1].encode()
        return text

    def convert(value: Any) -> bytes | None:
        if value is None:
            return None
        if multi:
            return b"{" + b",".join(map(one, value)) + b"}"
        return one(value)

    return convert


def _quote_end(text: bytes | None) -> bytes:
    if text is None:
        return b""
    if text == b"" or re.search(rb'[\s()\[\],"\\]', text):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'""') + b'"'
    return text


# --- hstore and composites ---------------------------------------------------------------------------------------

_HSTORE_PAIR: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|(NULL))(?:, |$)', re.DOTALL)


def _hstore_json(text: bytes) -> bytes:
    pairs = list(_HSTORE_PAIR.finditer(text))
    if sum(len(pair[0]) for pair in pairs) != len(text):
        misfit(Code.FORM, "not an hstore")
    items = (_string(_plain(pair[1])) + b": " + (b"null" if pair[3] else _string(_plain(pair[2]))) for pair in pairs)
    return b"{" + b", ".join(items) + b"}"


def _plain(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", text, flags=re.DOTALL)


def _hstore_text(value: Any) -> bytes | None:
    if value is None:
        return None

    def quote(text: Any) -> str:
        if not isinstance(text, str):
            raise TypeError
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return ", ".join(f"{quote(k)}=>{'NULL' if v is None else quote(v)}" for k, v in value.items()).encode()


def _composite_writer(type_: Type) -> Callable[[bytes], bytes]:
    writers = [(_string(name.encode()), _json_writer(field)) for name, field in type_.fields]

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
        value, place = _range_end(text, place, b",)")
        values.append(value)
        if text[place : place + 1] != b",":
            return values
        place += 1


def _composite_reader(type_: Type) -> Read:
    readers = [(name, _json_reader(field)) for name, field in type_.fields]

    def convert(value: Any) -> bytes | None:
        if value is None:
            return None
        if set(value) - {name for name, _ in readers}:
            raise KeyError
        return b"(" + b",".join(_quote_end(read(value.get(name))) for name, read in readers) + b")"

    return convert


# --- geometries --------------------------------------------------------------------------------------------------


def _geometry_to_bytes(source: Type, target: Type, context: Context) -> Way:
    """EWKB, which holds the SRID too."""
    ewkb = way(lambda text: b"\\x" + text.lower())
    return then(ewkb, fit_bytes(Type(Kind.BYTES, "geometry"), target, context))


def _bytes_to_geometry(source: Type, target: Type, context: Context) -> Way:
    """The server judges whether it is EWKB."""
    return way(lambda text: text[2:].upper(), Code.FORM)


# --- the rest ----------------------------------------------------------------------------------------------------


def _same_type(source: Type, target: Type, context: Context) -> Way:
    """Types of one engine go to their own kind; the server refuses what differs in detail."""
    return PASS if source.native == target.native else Way(None, frozenset({Code.FORM}))


_TO_JSON: Final = (Kind.ARRAY, Kind.RANGE, Kind.HSTORE, Kind.COMPOSITE)
_SCALARS: Final = (Kind.BOOL, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)

MAKERS: Final[dict[tuple[Kind, Kind], Maker]] = {
    (Kind.JSON, Kind.JSON): _json_to_json,
    (Kind.TEXT, Kind.JSON): _text_to_json,
    (Kind.SET, Kind.JSON): _set_to_json,
    **{(kind, Kind.JSON): _scalar_to_json for kind in _SCALARS},
    **{(kind, Kind.JSON): _to_json for kind in _TO_JSON},
    **{(Kind.JSON, kind): _json_to for kind in _TO_JSON},
    **{(Kind.TEXT, kind): _json_to for kind in _TO_JSON},  # MariaDB's JSON is LONGTEXT in its log
    (Kind.SET, Kind.ARRAY): lambda source, target, context: then(
        _set_to_json(source, target, context), _json_to(source, target, context)
    ),
    (Kind.RANGE, Kind.RANGE): _same_type,
    (Kind.HSTORE, Kind.HSTORE): _same_type,
    (Kind.COMPOSITE, Kind.COMPOSITE): _same_type,
    (Kind.OTHER, Kind.OTHER): _same_type,
    (Kind.GEOMETRY, Kind.GEOMETRY): lambda source, target, context: PASS,
    (Kind.GEOMETRY, Kind.TEXT): fit_text,
    (Kind.GEOMETRY, Kind.BYTES): _geometry_to_bytes,
    (Kind.BYTES, Kind.GEOMETRY): _bytes_to_geometry,
}
