"""What a MySQL or MariaDB server prints of a value, as canonical text, and canonical text as what it compares with.

A select expression and the server's text in, the forms that the row decoder writes out; and back, for keys. The session
is in UTC and utf8mb4, so that the server does the conversions that depend on those; what remains is spelling.
"""

from __future__ import annotations

import struct
from binascii import hexlify, unhexlify
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cdc_agent.engines.mysql.identifiers import quote
from cdc_agent.engines.mysql.texts import ewkb, float4, float8
from cdc_agent.model.values import Kind, Type, Value

Printed = str | bytes
"""The driver's value when it has no decoders: text where the column has a character set, else bytes."""

LOGGED_AS_BYTES: Final = {"uuid": "BINARY(16)", "inet6": "BINARY(16)", "inet4": "BINARY(4)", "vector": "BINARY"}
"""What the log has as bytes: MariaDB prints its own types as text, and the driver takes a vector for a number."""


def selected(name: str, type_: Type, data_type: str) -> str:
    """The expression to select; `data_type` is the catalogue's word.

    FLOAT is printed with six digits unless it is computed with; adding zero would make one of a negative zero.
    """
    column = quote(name)
    if raw := LOGGED_AS_BYTES.get(data_type):
        return f"CAST({column} AS {raw})"
    single = type_.kind is Kind.FLOAT and type_.precision == 32
    return f"{column} * 1e0" if single else column


def canonical(raw: Printed | None, type_: Type) -> Value:
    """The canonical text of what the server printed for a column of this type."""
    return None if raw is None else reader(type_)(raw)


def reader(type_: Type) -> Callable[[Printed], bytes]:
    """`canonical` for one type, and for what is not NULL."""
    make = _READERS.get(type_.kind)
    return _text if make is None else make(type_)


def _text(raw: Printed) -> bytes:
    return raw.encode() if isinstance(raw, str) else raw


def _stored(raw: Printed) -> bytes:
    return b"\\x" + hexlify(_text(raw))


def _integer(raw: Printed) -> bytes:
    return b"%d" % int(raw)


def _decimal(raw: Printed) -> bytes:
    """ZEROFILL pads with zeros on the left."""
    text = _text(raw)
    sign = b"-" if text.startswith(b"-") else b""
    digits = text.removeprefix(b"-").lstrip(b"0")
    return sign + (digits if digits[:1].isdigit() else b"0" + digits)


def _float(type_: Type) -> Callable[[Printed], bytes]:
    if type_.precision == 32:
        return lambda raw: float4(struct.unpack("<f", struct.pack("<f", float(raw)))[0])
    return lambda raw: float8(float(raw))


def _timed(raw: Printed) -> bytes:
    text = _text(raw)
    return text.rstrip(b"0").rstrip(b".") if b"." in text else text


def _instant(raw: Printed) -> bytes:
    return _timed(raw) + b"+00"


def _bits(type_: Type) -> Callable[[Printed], bytes]:
    form = f"0{type_.length}b"
    return lambda raw: format(int.from_bytes(_text(raw), "big"), form).encode()


def _geometry(raw: Printed) -> bytes:
    return ewkb(_text(raw))


_READERS: Final[dict[Kind, Callable[[Type], Callable[[Printed], bytes]]]] = {
    Kind.BYTES: lambda _: _stored,
    Kind.INTEGER: lambda _: _integer,
    Kind.YEAR: lambda _: _integer,
    Kind.DECIMAL: lambda _: _decimal,
    Kind.FLOAT: _float,
    Kind.TIME: lambda _: _timed,
    Kind.TIMESTAMP: lambda _: _timed,
    Kind.INSTANT: lambda _: _instant,
    Kind.BIT: _bits,
    Kind.GEOMETRY: lambda _: _geometry,
}

# --- canonical text → what a key is compared with ------------------------------------------------------------------


def compared(type_: Type) -> str:
    """The expression that a column of this type is compared with; its one parameter is `parameter`."""
    if type_.kind is Kind.JSON:
        return "CAST(%s AS JSON)"
    if type_.kind is Kind.FLOAT and type_.precision == 32:
        return "CAST(%s AS FLOAT)"
    return "%s"


def parameter(value: bytes, type_: Type) -> object:
    """What the driver sends for it."""
    match type_.kind:
        case Kind.INTEGER | Kind.YEAR:
            return int(value)
        case Kind.DECIMAL:
            return Decimal(value.decode())
        case Kind.FLOAT:
            return float(value)
        case Kind.BYTES:
            return unhexlify(value[2:])
        case Kind.BIT:
            return int(value, 2)
        case Kind.INSTANT:
            return value.removesuffix(b"+00").decode()
        case Kind.GEOMETRY:
            return stored_geometry(unhexlify(value))
        case _:
            return value.decode()


def ordinal(value: bytes, type_: Type) -> object:
    """As `parameter`, but for what is ordered by its number: an ENUM's place, a SET's bits."""
    labels = [label.encode() for label in type_.labels]
    if type_.kind is Kind.ENUM:
        return labels.index(value) + 1 if value in labels else 0
    if type_.kind is Kind.SET:
        chosen = value.split(b",") if value else []
        return sum(1 << labels.index(label) for label in chosen)
    return parameter(value, type_)


def stored_geometry(data: bytes) -> str:
    """The server's own form of EWKB, SRID first, in hexadecimal."""
    if not data[4] & 0x20:
        return f"00000000{data.hex().upper()}"
    return (data[5:9] + data[:4] + bytes((data[4] & ~0x20,)) + data[9:]).hex().upper()
