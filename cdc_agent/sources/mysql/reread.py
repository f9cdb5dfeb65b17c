"""One row as it is now, for a change whose log did not hold all of it.

A table version and a key in, canonical text out, in the forms that the row decoder writes. The session is in UTC and
utf8mb4, so that the server does the conversions that depend on those; what remains is spelling. Columns that the table
has lost meanwhile are UNSENT. Never called by the reader thread, and never decides what a missing row means.
"""

from __future__ import annotations

import struct
from binascii import hexlify, unhexlify
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import pymysql

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql.connection import Session, connect, quote, quote_name, translate
from cdc_agent.engines.mysql.failures import is_disconnect
from cdc_agent.errors import AgentError, SourceUnavailable
from cdc_agent.model.changes import Column, Table
from cdc_agent.model.values import UNSENT, Kind, Row, Type, Unsent, Value
from cdc_agent.sources.mysql.rows.coders import ewkb
from cdc_agent.sources.mysql.rows.texts import float4, float8

_LOCK_SECONDS: Final = 15
_NOT_LOCKED: Final = frozenset({1142, 1205, 1213})
"""No right to lock (MySQL before 8.0.22 wants more than SELECT), lock wait timeout, deadlock."""

_COLUMNS: Final = (
    "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
)


class Rereader:
    """Reads rows by key over a connection of its own, opened when first needed. Used by one thread at a time."""

    def __init__(self, database: Database, purpose: str) -> None:
        self._database = database
        self._purpose = purpose
        self._session: Session | None = None

    def read(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """The row in `table`'s column order; None when it, its table or a key column is gone.

        Raises ValueError for a key with an unsent value, SourceUnavailable when the server cannot be reached.
        """
        existing = {str(name): str(type_).lower() for name, type_ in self._rows(_COLUMNS, table.full_name)}
        columns = [column for column in table.columns if column.name in existing]
        if not columns or not set(key) <= set(existing):
            return None
        condition, parameters = _condition(table, key)
        listed = ", ".join(selected(column, existing[column.name]) for column in columns)
        query = f"SELECT {listed} FROM {quote_name(*table.full_name)} WHERE {condition} LIMIT 1"
        rows = self._committed(query, tuple(parameters))
        if not rows:
            return None
        found = {column.name: canonical(raw, column.type) for column, raw in zip(columns, rows[0], strict=True)}
        return tuple(found.get(column.name, UNSENT) for column in table.columns)

    def _committed(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The row with everything that the log holds of it.

        A server sends a transaction's log before its storage engine has committed it, so the row's lock is waited for.
        Who holds it longer than `_LOCK_SECONDS` is another transaction, which took it after ours had ended.
        """
        share = " LOCK IN SHARE MODE" if self._opened().server.is_mariadb else " FOR SHARE"
        try:
            return self._rows(query + share, parameters)
        except AgentError as error:
            if getattr(error.__cause__, "args", (0,))[0] not in _NOT_LOCKED:
                raise
            return self._rows(query, parameters)

    def _rows(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        session = self._opened()
        try:
            with session.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            if is_disconnect(error):
                self.close()
            raise translate(error, "reading a row again from the source", unavailable=SourceUnavailable) from error

    def _opened(self) -> Session:
        if self._session is None:
            self._session = connect(self._database, purpose=self._purpose, unavailable=SourceUnavailable)
            self._session.decoders = {}  # values as the server prints them
            self._session.query(f"SET SESSION innodb_lock_wait_timeout = {_LOCK_SECONDS}")
        return self._session

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None and session.open:
            session.close()


# --- what the server prints → canonical text -----------------------------------------------------------------------


_LOGGED_AS_BYTES: Final = {"uuid": "BINARY(16)", "inet6": "BINARY(16)", "inet4": "BINARY(4)", "vector": "BINARY"}
"""What the log has as bytes: MariaDB prints its own types as text, and the driver takes a vector for a number."""


def selected(column: Column, data_type: str = "") -> str:
    """The expression to select; `data_type` is the catalogue's word.

    FLOAT is printed with six digits unless it is computed with.
    """
    name = quote(column.name)
    if raw := _LOGGED_AS_BYTES.get(data_type):
        return f"CAST({name} AS {raw})"
    single = column.type.kind is Kind.FLOAT and column.type.precision == 32
    return f"{name} + 0e0" if single else name


def canonical(raw: str | bytes | None, type_: Type) -> Value:
    """The canonical text of what the server printed for a column of this type."""
    if raw is None:
        return None
    return _CANONICAL.get(type_.kind, _text)(raw, type_)


def _text(raw: str | bytes, _: Type) -> bytes:
    return raw.encode() if isinstance(raw, str) else raw


def _stored(raw: str | bytes, _: Type) -> bytes:
    return b"\\x" + hexlify(raw.encode() if isinstance(raw, str) else raw)


def _integer(raw: str | bytes, _: Type) -> bytes:
    return b"%d" % int(raw)


def _decimal(raw: str | bytes, type_: Type) -> bytes:
    """ZEROFILL pads with zeros on the left."""
    text = _text(raw, type_)
    sign = b"-" if text.startswith(b"-") else b""
    digits = text.removeprefix(b"-").lstrip(b"0")
    return sign + (digits if digits[:1].isdigit() else b"0" + digits)


def _float(raw: str | bytes, type_: Type) -> bytes:
    if type_.precision == 32:
        return float4(struct.unpack("<f", struct.pack("<f", float(raw)))[0])
    return float8(float(raw))


def _timed(raw: str | bytes, type_: Type) -> bytes:
    text = _text(raw, type_)
    return text.rstrip(b"0").rstrip(b".") if b"." in text else text


def _instant(raw: str | bytes, type_: Type) -> bytes:
    return _timed(raw, type_) + b"+00"


def _bits(raw: str | bytes, type_: Type) -> bytes:
    number = int.from_bytes(_text(raw, type_), "big")
    return format(number, f"0{type_.length}b").encode()


def _geometry(raw: str | bytes, type_: Type) -> bytes:
    return ewkb(_text(raw, type_))


_CANONICAL: Final[dict[Kind, Callable[[str | bytes, Type], bytes]]] = {
    Kind.BYTES: _stored,
    Kind.INTEGER: _integer,
    Kind.YEAR: _integer,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT: _float,
    Kind.TIME: _timed,
    Kind.TIMESTAMP: _timed,
    Kind.INSTANT: _instant,
    Kind.BIT: _bits,
    Kind.GEOMETRY: _geometry,
}

# --- canonical text → what a key is compared with ------------------------------------------------------------------


def _condition(table: Table, key: Mapping[str, Value]) -> tuple[str, list[object]]:
    types = {column.name: column.type for column in table.columns}
    conditions, parameters = [], []
    for name, value in key.items():
        if isinstance(value, Unsent):
            raise ValueError(f"column {name} of the key was not sent")
        conditions.append(_compared(quote(name), types[name]))
        parameters.append(None if value is None else _parameter(value, types[name]))
    return " AND ".join(conditions) or "FALSE", parameters


def _compared(name: str, type_: Type) -> str:
    if type_.kind is Kind.JSON:
        return f"{name} <=> CAST(%s AS JSON)"
    if type_.kind is Kind.GEOMETRY:
        return f"HEX({name}) <=> %s"
    if type_.kind is Kind.FLOAT and type_.precision == 32:
        return f"{name} <=> CAST(%s AS FLOAT)"
    return f"{name} <=> %s"


def _parameter(value: bytes, type_: Type) -> object:
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
            return _stored_geometry(unhexlify(value))
        case _:
            return value.decode()


def _stored_geometry(data: bytes) -> str:
    """The server's own form of EWKB, SRID first, in hexadecimal."""
    if not data[4] & 0x20:
        return f"00000000{data.hex().upper()}"
    return (data[5:9] + data[:4] + bytes((data[4] & ~0x20,)) + data[9:]).hex().upper()
