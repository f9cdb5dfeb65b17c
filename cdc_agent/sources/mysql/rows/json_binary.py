"""MySQL's binary JSON: a document's bytes in, the text that MySQL prints of it out; partial updates applied.

The format is that of sql-common/json_binary.h in MySQL; the text follows `Json_wrapper::to_string`, so that it equals
``CAST(column AS CHAR)``. Diffs (sql-common/json_diff.h) change the tree between the two.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from typing import Final, TypeAlias

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.rows import columns
from cdc_agent.sources.mysql.rows.decimals import decimal_text
from cdc_agent.sources.mysql.rows.wire import Cursor

Node: TypeAlias = "bytes | list[Node] | dict[bytes, Node]"
"""A scalar as its text, an array, or an object by the UTF-8 of its keys."""

_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY, _LITERAL = range(5)
_INT16, _UINT16, _INT32, _UINT32, _INT64, _UINT64, _DOUBLE, _STRING = range(5, 13)
_OPAQUE: Final = 15
_NUMBERS: Final = {
    _INT16: struct.Struct("<h"),
    _UINT16: struct.Struct("<H"),
    _INT32: struct.Struct("<i"),
    _UINT32: struct.Struct("<I"),
    _INT64: struct.Struct("<q"),
    _UINT64: struct.Struct("<Q"),
}
_LITERALS: Final = {0: b"null", 1: b"true", 2: b"false"}
_REPLACE, _INSERT, _REMOVE = range(3)
_ESCAPES: Final = {
    **{bytes((code,)): b"\\u%04x" % code for code in range(0x20)},
    b"\b": rb"\b", b"\t": rb"\t", b"\n": rb"\n", b"\f": rb"\f", b"\r": rb"\r", b'"': rb"\"", b"\\": rb"\\",
}  # fmt: skip
_ESCAPED = re.compile(rb'[\x00-\x1f"\\]')
_PATH_LEG = re.compile(r'\.([^\W\d]\w*|"(?:[^"\\]|\\.)*")|\[(\d+)\]')
_WHAT: Final = "a JSON document"


def json_text(document: bytes) -> bytes:
    """The text of a document as it stands in a row image; DecodeError when it is not understood."""
    return render(parse(document))


def parse(document: bytes) -> Node:
    """The tree of a document; an empty one is MySQL's way to keep a NULL in a NOT NULL column."""
    if not document:
        return b"null"
    return _value(document[0], document, 1)


def _value(kind: int, data: bytes, at: int) -> Node:
    if kind in {_SMALL_OBJECT, _LARGE_OBJECT}:
        return _object(data, at, 4 if kind == _LARGE_OBJECT else 2)
    if kind in {_SMALL_ARRAY, _LARGE_ARRAY}:
        return _array(data, at, 4 if kind == _LARGE_ARRAY else 2)
    if kind == _LITERAL:
        return _literal(Cursor(data, _WHAT, at).integer(1))
    if kind in _NUMBERS:
        form = _NUMBERS[kind]
        return b"%d" % form.unpack(Cursor(data, _WHAT, at).take(form.size))[0]
    if kind == _DOUBLE:
        return double_text(struct.unpack("<d", Cursor(data, _WHAT, at).take(8))[0])
    if kind == _STRING:
        return quoted(_sized(Cursor(data, _WHAT, at)))
    if kind == _OPAQUE:
        cursor = Cursor(data, _WHAT, at)
        return _opaque(cursor.integer(1), _sized(cursor))
    raise DecodeError(f"{_WHAT} holds a value of type {kind}, which this version does not know")


def _literal(number: int) -> bytes:
    if number not in _LITERALS:
        raise DecodeError(f"{_WHAT} holds the unknown literal {number}")
    return _LITERALS[number]


def _sized(cursor: Cursor) -> bytes:
    """Bytes behind their length, seven bits of which stand in each byte, the lowest first."""
    size = 0
    for shift in range(0, 35, 7):
        byte = cursor.integer(1)
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return cursor.take(size)
    raise DecodeError(f"{_WHAT} holds a length that does not end")


def _array(data: bytes, start: int, width: int) -> Node:
    cursor = Cursor(data, _WHAT, start)
    count = cursor.integer(width)
    cursor.integer(width)  # size in bytes
    return [_entry(cursor, start, width) for _ in range(count)]


def _object(data: bytes, start: int, width: int) -> Node:
    cursor = Cursor(data, _WHAT, start)
    count = cursor.integer(width)
    cursor.integer(width)  # size in bytes
    places = [(cursor.integer(width), cursor.integer(2)) for _ in range(count)]
    keys = [Cursor(data, _WHAT, start + place).take(size) for place, size in places]
    return {key: _entry(cursor, start, width) for key in keys}


def _entry(cursor: Cursor, start: int, width: int) -> Node:
    """The value that the next entry of an array or object holds itself or points to from `start`."""
    kind = cursor.integer(1)
    inlined = kind in {_LITERAL, _INT16, _UINT16} or (width == 4 and kind in {_INT32, _UINT32})
    if inlined:
        return _value(kind, cursor.take(width), 0)
    place = cursor.integer(width)
    if place == 0:
        raise DecodeError(f"{_WHAT} points to itself")
    return _value(kind, cursor.data, start + place)


def quoted(text: bytes) -> bytes:
    """A string in MySQL's quoting: escapes for quotes and control characters, all else in UTF-8."""
    return b'"' + _ESCAPED.sub(lambda match: _ESCAPES[match[0]], text) + b'"'


def double_text(number: float) -> bytes:
    """A double as MySQL prints it: exponents below 1e-15 and from 1e15 on, and always a point or an exponent."""
    mantissa, _, exponent = f"{number!r}".partition("e")
    sign = "-" if mantissa[0] == "-" else ""
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    digits = whole + (fraction if fraction != "0" else "")
    point = len(whole) + int(exponent or 0)
    leading = len(digits) - len(digits.lstrip("0"))
    digits, point = digits.lstrip("0").rstrip("0"), point - leading
    return (sign + _placed(digits, point)).encode()


def _placed(digits: str, point: int) -> str:
    if not digits:
        return "0.0"
    if point > 15 or point < -14:
        mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
        return f"{mantissa}e{point - 1}"
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    return f"{digits[:point].ljust(point, '0')}.{digits[point:] or '0'}"


def _opaque(code: int, data: bytes) -> bytes:
    if code == columns.NEWDECIMAL:
        return decimal_text(data[2:], data[0], data[1])
    if code in _TEMPORAL:
        return b'"' + _TEMPORAL[code](int.from_bytes(data, "little", signed=True)) + b'"'
    lines = base64.encodebytes(data).rstrip(b"\n").replace(b"\n", rb"\n")
    return b'"base64:type%d:%b"' % (code, lines)


def _packed_date(packed: int) -> bytes:
    day = packed >> 41
    return b"%04d-%02d-%02d" % ((day >> 5) // 13, (day >> 5) % 13, day & 31)


def _packed_time(packed: int) -> bytes:
    sign, packed = (b"-", -packed) if packed < 0 else (b"", packed)
    clock = packed >> 24
    return b"%b%02d:%02d:%02d.%06d" % (sign, clock >> 12, clock >> 6 & 63, clock & 63, packed & 0xFFFFFF)


def _packed_datetime(packed: int) -> bytes:
    clock = packed >> 24 & 0x1FFFF
    return b"%b %02d:%02d:%02d.%06d" % (
        _packed_date(packed), clock >> 12, clock >> 6 & 63, clock & 63, packed & 0xFFFFFF,
    )  # fmt: skip


_TEMPORAL: Final = {
    columns.DATE: _packed_date,
    columns.NEWDATE: _packed_date,
    columns.TIME: _packed_time,
    columns.TIME2: _packed_time,
    columns.DATETIME: _packed_datetime,
    columns.DATETIME2: _packed_datetime,
    columns.TIMESTAMP: _packed_datetime,
    columns.TIMESTAMP2: _packed_datetime,
}


def render(node: Node) -> bytes:
    """The text of a tree; the keys of an object come in MySQL's order, the shorter ones first."""
    if isinstance(node, bytes):
        return node
    if isinstance(node, list):
        return b"[" + b", ".join([render(item) for item in node]) + b"]"
    keys = sorted(node, key=_key_order)
    return b"{" + b", ".join([quoted(key) + b": " + render(node[key]) for key in keys]) + b"}"


def _key_order(key: bytes) -> tuple[int, bytes]:
    return len(key), key


def apply_diffs(document: bytes, diffs: bytes) -> bytes:
    """The text of a document after a PARTIAL_UPDATE_ROWS event's diffs; DecodeError when one does not fit."""
    tree = parse(document)
    cursor = Cursor(diffs, "a partial JSON update")
    while cursor.left:
        operation = cursor.integer(1)
        *way, last = _path(cursor.packed_bytes())
        parent = tree
        for leg in way:
            parent = _child(parent, leg)
        if operation == _REMOVE:
            _remove(parent, last)
        elif operation in {_REPLACE, _INSERT}:
            value = parse(cursor.packed_bytes())
            (_replace if operation == _REPLACE else _insert)(parent, last, value)
        else:
            raise DecodeError(f"a partial JSON update has the unknown operation {operation}")
    return render(tree)


def _path(raw: bytes) -> list[bytes | int]:
    text = raw.decode("utf-8", "surrogateescape")
    legs: list[bytes | int] = []
    at = 1
    while at < len(text):
        match = _PATH_LEG.match(text, at)
        if match is None:
            raise DecodeError("a partial JSON update has a path that is not understood")
        legs.append(_leg(match))
        at = match.end()
    return legs


def _leg(match: re.Match[str]) -> bytes | int:
    if match[2] is not None:
        return int(match[2])
    name = json.loads(match[1]) if match[1].startswith('"') else match[1]
    return str(name).encode("utf-8", "surrogateescape")


def _child(node: Node, leg: bytes | int) -> Node:
    if isinstance(node, dict) and isinstance(leg, bytes) and leg in node:
        return node[leg]
    if isinstance(node, list) and isinstance(leg, int) and leg < len(node):
        return node[leg]
    raise _misfit()


def _misfit() -> DecodeError:
    return DecodeError("a partial JSON update does not fit the document that it changes")


def _replace(parent: Node, leg: bytes | int, value: Node) -> None:
    _remove(parent, leg)
    _insert(parent, leg, value)


def _insert(parent: Node, leg: bytes | int, value: Node) -> None:
    if isinstance(parent, dict) and isinstance(leg, bytes):
        parent[leg] = value
    elif isinstance(parent, list) and isinstance(leg, int):
        parent.insert(leg, value)
    else:
        raise _misfit()


def _remove(parent: Node, leg: bytes | int) -> None:
    if isinstance(parent, dict) and isinstance(leg, bytes) and leg in parent:
        del parent[leg]
    elif isinstance(parent, list) and isinstance(leg, int) and leg < len(parent):
        parent.pop(leg)
    else:
        raise _misfit()
