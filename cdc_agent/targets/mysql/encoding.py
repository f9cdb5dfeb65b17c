"""Canonical text rendered for MySQL and MariaDB: as LOAD DATA input, and as SQL literals.

In: rows of canonical text and the types of their columns. Out: bytes that the server reads back as exactly those
values, under the session's own `SQL_MODE` and utf8mb4. Never trusts a value: whatever it holds, it cannot end its
field or its literal. ValueError when a value is not in the canonical form of its kind.

`load_cell` and `literal` are the plain reference; `load_encoder` and `tuple_encoder` write one function for a table's
columns, which a property test compares with them. https://dev.mysql.com/doc/refman/8.4/en/load-data.html,
https://dev.mysql.com/doc/refman/8.4/en/literals.html
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from cdc_agent.model.generated import define
from cdc_agent.model.values import Kind, Row, Type, Value

LoadEncoder: TypeAlias = Callable[[Sequence[Row]], bytes]
TupleEncoder: TypeAlias = Callable[[Sequence[Row]], "list[bytes]"]

LOAD_FORMAT: Final = r"CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'"
"""The clauses of the LOAD DATA statement that reads what `load_encoder` writes."""

_EWKB_SRID: Final = 0x20000000
_NULL_FIELD: Final = b"\\N"
_DECIMAL: Final = re.compile(rb"-?\d+(?:\.\d+)?")
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")


# --- what a kind's text becomes ----------------------------------------------------------------------------------


def hexadecimal(value: bytes) -> bytes:
    r"""The digits of canonical BYTES, ``\x00ff``; ValueError for anything else."""
    digits = value[2:]
    if value[:2] != b"\\x" or len(digits) % 2 or not _HEX_DIGITS.issuperset(digits):
        raise ValueError("not canonical bytes")
    return digits


def geometry_hexadecimal(value: bytes) -> bytes:
    """MySQL's own storage form of an EWKB geometry, in hexadecimal: the SRID, then little-endian WKB.

    It is what a GEOMETRY column takes as a binary string, with the axes in the order in which PostGIS and MySQL both
    store them. ValueError for big-endian EWKB. https://dev.mysql.com/doc/refman/8.4/en/gis-data-formats.html
    """
    ewkb = bytes.fromhex(value.decode("ascii"))
    if len(ewkb) < 5 or ewkb[0] != 1:
        raise ValueError("not little-endian EWKB")
    (kind,) = struct.unpack_from("<I", ewkb, 1)
    if not kind & _EWKB_SRID:
        return (b"\0\0\0\0" + ewkb).hex().encode()
    return (ewkb[5:9] + b"\x01" + struct.pack("<I", kind & ~_EWKB_SRID) + ewkb[9:]).hex().encode()


def bits(value: bytes) -> int:
    """The number that canonical BIT digits spell."""
    return int(value, 2)


def year(value: bytes) -> bytes:
    """Four digits: MySQL takes the string '0' for 2000."""
    return value.zfill(4)


def boolean(value: bytes) -> bytes:
    """1 or 0; ValueError for anything but t and f."""
    if value not in (b"t", b"f"):
        raise ValueError("not a canonical bool")
    return b"1" if value == b"t" else b"0"


def single(value: bytes) -> bytes:
    """The greatest single-precision number in full: MySQL takes its shortest digits for a number beyond the range."""
    return value.replace(b"3.4028235e+38", b"3.4028234663852886e+38")


def instant(value: bytes) -> bytes:
    """Without its zone, which is the session's: UTC."""
    return value.removesuffix(b"+00")


def halved(type_: Type) -> bool:
    """Whether a column's text may hold half of a surrogate pair as a character."""
    return type_.kind is Kind.TEXT and type_.charset in _HALVES


def whole_text(value: bytes) -> bytes:
    """The text; ValueError for half of a surrogate pair, which LOAD DATA in utf8mb4 cannot carry."""
    if _SURROGATE.search(value):
        raise ValueError("half of a surrogate pair")
    return value


def text_literal(charset: str, value: bytes) -> bytes:
    """A literal of the text; with half of a surrogate pair in it by its bytes in the column's character set."""
    if not _SURROGATE.search(value):
        return quoted(value)
    text = value.decode("utf-8", "surrogatepass")
    return b"_%b x'%b'" % (charset.encode(), text.encode(_HALVES[charset], "surrogatepass").hex().encode())


_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf]")
_HALVES: Final = {"ucs2": "utf-16-be", "utf32": "utf-32-be"}


# --- LOAD DATA ---------------------------------------------------------------------------------------------------


def load_cell(type_: Type, value: Value) -> bytes:
    """One field of LOAD DATA input: the reference that `load_encoder` is tested against."""
    if value is None:
        return _NULL_FIELD
    assert isinstance(value, bytes)
    if type_.kind is Kind.BYTES:
        return hexadecimal(value)
    if type_.kind is Kind.GEOMETRY:
        return geometry_hexadecimal(value)
    if type_.kind is Kind.BIT:
        return b"%d" % bits(value)
    convert = whole_text if halved(type_) else _plain(type_)
    text = convert(value) if convert else value
    return text.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\0", b"\\0")


def load_column(type_: Type, column: str, variable: str) -> tuple[str, str]:
    """How LOAD DATA takes a column's field: its place in the column list, and its SET expression or ''.

    `column` is quoted. Fields are read as utf8mb4, so binary values come as hexadecimal through a user variable.
    """
    if type_.kind in (Kind.BYTES, Kind.GEOMETRY):
        return variable, f"{column} = UNHEX({variable})"
    if type_.kind is Kind.BIT:
        return variable, f"{column} = CAST({variable} AS UNSIGNED)"
    return column, ""


def load_encoder(types: Sequence[Type]) -> LoadEncoder:
    """A function that writes rows of these types as LOAD DATA input.

    Values are joined as they are first: if no more tabs, newlines, backslashes and NULs came out than the joins and the
    NULLs put there, nothing needs an escape, which is so for most rows and spares each value four searches.
    """
    names = [f"c{i}" for i in range(len(types))]
    bare = [_load_expression(type_, name, "") for name, type_ in zip(names, types, strict=True)]
    escaped = [_load_expression(type_, name, _ESCAPING) for name, type_ in zip(names, types, strict=True)]
    source = (
        f"def encode(rows):\n"
        f"    lines = [{_load_line(names, bare)} for {', '.join(names)}, in rows]\n"
        f"    lines.append(b'')\n"
        f"    text = LINE(lines)\n"
        f"    if 0 not in text and text.count(L) == len(rows) and text.count(T) == len(rows) * {len(types) - 1}:\n"
        f"        found = text.count(B)\n"
        f"        if not found or found == sum([row.count(None) for row in rows]):\n"
        f"            return text\n"
        f"    lines = [{_load_line(names, escaped)} for {', '.join(names)}, in rows]\n"
        f"    lines.append(b'')\n"
        f"    return LINE(lines)\n"
    )
    return _compiled(source)  # type: ignore[no-any-return]


_ESCAPING: Final = ".replace(B, BB).replace(T, BT).replace(L, BL).replace(Z, BZ)"


def _load_line(names: Sequence[str], fields: Sequence[str]) -> str:
    values = "".join(f"(N if {name} is None else {field}), " for name, field in zip(names, fields, strict=True))
    return f"TAB(({values}))"


def _load_expression(type_: Type, name: str, escaping: str) -> str:
    if type_.kind is Kind.BYTES:
        return f"hexadecimal({name})"
    if type_.kind is Kind.GEOMETRY:
        return f"geometry_hexadecimal({name})"
    if type_.kind is Kind.BIT:
        return f"b'%d' % bits({name})"
    return (f"whole_text({name})" if halved(type_) else _plain_expression(type_, name)) + escaping


# --- literals ----------------------------------------------------------------------------------------------------


def literal(type_: Type, value: Value) -> bytes:
    """One SQL literal to be stored in a column of the type: the reference that `tuple_encoder` is tested against."""
    if value is None:
        return b"NULL"
    assert isinstance(value, bytes)
    if type_.kind is Kind.INTEGER:
        return b"%d" % int(value)
    if type_.kind is Kind.BYTES:
        return b"x'%b'" % hexadecimal(value)
    if type_.kind is Kind.GEOMETRY:
        return b"x'%b'" % geometry_hexadecimal(value)
    if type_.kind is Kind.BIT:
        return b"%d" % bits(value)
    if halved(type_):
        return text_literal(str(type_.charset), value)
    convert = _plain(type_)
    return quoted(convert(value) if convert else value)


def quoted(text: bytes) -> bytes:
    """A string literal of UTF-8 text."""
    return b"'%b'" % text.replace(b"\\", b"\\\\").replace(b"'", b"\\'").replace(b"\0", b"\\0")


def tuple_encoder(types: Sequence[Type]) -> TupleEncoder:
    """A function that writes each row of these types as a parenthesised list of literals."""
    names = [f"c{i}" for i in range(len(types))]
    fields = [
        f"(b'NULL' if {name} is None else {_literal_expression(type_, name)})"
        for name, type_ in zip(names, types, strict=True)
    ]
    template = b"(" + b",".join([b"%b"] * len(types)) + b")"
    body = f"{template!r} % ({', '.join(fields)},)"
    return _compiled(f"def encode(rows):\n    return [{body} for {', '.join(names)}, in rows]\n")  # type: ignore[no-any-return]


def _literal_expression(type_: Type, name: str) -> str:
    if type_.kind is Kind.INTEGER:
        return f"b'%d' % int({name})"
    if type_.kind is Kind.BYTES:
        return f"b\"x'%b'\" % hexadecimal({name})"
    if type_.kind is Kind.GEOMETRY:
        return f"b\"x'%b'\" % geometry_hexadecimal({name})"
    if type_.kind is Kind.BIT:
        return f"b'%d' % bits({name})"
    if halved(type_):
        return f"text_literal({type_.charset!r}, {name})"
    return f"b\"'%b'\" % {_plain_expression(type_, name)}.replace(B, BB).replace(Q, BQ).replace(Z, BZ)"


# --- comparisons -------------------------------------------------------------------------------------------------


def key_literal(type_: Type, value: Value) -> bytes:
    """A literal to compare a key's column with: the column's own rules of equality decide.

    Numbers are written as numbers, since MySQL compares a BIGINT with a string as two doubles; values of fixed length
    are padded or stripped as the column's are.
    """
    if value is None:
        return b"NULL"
    assert isinstance(value, bytes)
    if type_.kind is Kind.DECIMAL and _DECIMAL.fullmatch(value):
        return value
    if type_.kind is Kind.FLOAT:
        return b"CAST(%b AS %b)" % (quoted(value), b"FLOAT" if type_.precision == 32 else b"DOUBLE")
    if type_.kind is Kind.BYTES and type_.fixed:
        return b"x'%b'" % hexadecimal(value).ljust(2 * (type_.length or 0), b"0")
    if type_.kind is Kind.TEXT and type_.fixed:
        return literal(type_, value.rstrip(b" "))
    return literal(type_, value)


def exact_condition(type_: Type, column: bytes, value: Value, *, native_json: bool) -> bytes:
    """A condition that holds for a column's value and no other, be they equal by collation: for rows without a key.

    `native_json` says that the server's JSON is a type of its own (MySQL), not text (MariaDB).
    """
    if value is None:
        return b"%b IS NULL" % column
    assert isinstance(value, bytes)
    if type_.kind is Kind.JSON and native_json:
        return b"%b = CAST(%b AS JSON)" % (column, quoted(value))
    if type_.kind is Kind.GEOMETRY:
        return b"CAST(%b AS BINARY) = %b" % (column, literal(type_, value))
    condition = b"%b = %b" % (column, key_literal(type_, value))
    if type_.kind is Kind.TEXT and _SURROGATE.search(value):
        return b"CAST(%b AS BINARY) = CAST(%b AS BINARY)" % (column, key_literal(type_, value))
    if type_.kind in (Kind.TEXT, Kind.JSON) and type_.charset is not None:
        text = quoted(value.rstrip(b" ") if type_.fixed else value)
        same = b"CAST(CONVERT(%b USING utf8mb4) AS BINARY) = CAST(_utf8mb4 %b AS BINARY)" % (column, text)
        return b"%b AND %b" % (condition, same)
    return condition


# --- shared by both generators -----------------------------------------------------------------------------------

_PLAIN: Final = {Kind.BOOL: boolean, Kind.INSTANT: instant, Kind.YEAR: year}


def _plain(type_: Type) -> Callable[[bytes], bytes] | None:
    if type_.kind is Kind.FLOAT and type_.precision == 32:
        return single
    return _PLAIN.get(type_.kind)


def _plain_expression(type_: Type, name: str) -> str:
    convert = _plain(type_)
    return f"{convert.__name__}({name})" if convert else name


_NAMESPACE: Final[dict[str, Any]] = {
    "N": _NULL_FIELD,
    "TAB": b"\t".join,
    "LINE": b"\n".join,
    "B": b"\\",
    "BB": b"\\\\",
    "T": b"\t",
    "BT": b"\\t",
    "L": b"\n",
    "BL": b"\\n",
    "Z": b"\0",
    "BZ": b"\\0",
    "Q": b"'",
    "BQ": b"\\'",
    "hexadecimal": hexadecimal,
    "geometry_hexadecimal": geometry_hexadecimal,
    "bits": bits,
    "boolean": boolean,
    "instant": instant,
    "single": single,
    "text_literal": text_literal,
    "whole_text": whole_text,
    "year": year,
}


def _compiled(source: str) -> Any:
    return define(source, "<row encoder>", dict(_NAMESPACE))["encode"]
