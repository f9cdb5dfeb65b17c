"""The plain row decoder: every column in turn, read by its definition. The generated one is compared with it.

It also does the work where the generated one does not pay: PARTIAL_UPDATE_ROWS, whose JSON columns may hold diffs
against the old row (`Partial_update_rows` in MySQL's rows_event.h).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cdc_agent.engines.mysql import texts
from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.sources.mysql.rows import columns as codes
from cdc_agent.sources.mysql.rows import decimals
from cdc_agent.sources.mysql.rows.charsets import BINARY, Charsets
from cdc_agent.sources.mysql.rows.coders import inflate
from cdc_agent.sources.mysql.rows.columns import Logged
from cdc_agent.sources.mysql.rows.json_binary import apply_diffs, json_text
from cdc_agent.sources.mysql.rows.wire import Cursor

PARTIAL_JSON_HINT: Final = (
    "run SET GLOBAL binlog_row_value_options = '' (or binlog_row_image = FULL) on the source, then copy the "
    "table's rows again; rows logged before that cannot be read"
)
_OPERATIONS: Final = {23: INSERT, 24: UPDATE, 25: DELETE, 30: INSERT, 31: UPDATE, 32: DELETE}
_PARTIAL_JSON: Final = 1


def decode_event(message: bytes, columns: Sequence[Logged], charsets: Charsets) -> list[Change]:
    """The changes of one rows event (not of a partial update)."""
    cursor = Cursor(message, "a rows event")
    kind = cursor.integer(1)
    cursor.take(8)
    if kind >= 30:
        cursor.take(cursor.integer(2) - 2)
    cursor.packed()
    operation = _OPERATIONS[kind]
    masks = [_present(cursor, columns) for _ in range(2 if operation == UPDATE else 1)]
    changes: list[Change] = []
    while cursor.left:
        rows = [_image(cursor, columns, mask, charsets) for mask in masks]
        changes.append(_change(operation, rows))
    return changes


def _change(operation: int, rows: list[Row]) -> Change:
    if operation == INSERT:
        return (INSERT, None, rows[0])
    if operation == DELETE:
        return (DELETE, rows[0], None)
    old, new = rows
    return (UPDATE, old, carry_over(old, new))


def carry_over(old: Row, new: Row) -> Row:
    """The new row with the values of the old one in the columns that the log left out of the new one."""
    return tuple([was if now is UNSENT else now for was, now in zip(old, new, strict=True)])


def _present(cursor: Cursor, columns: Sequence[Logged]) -> list[int]:
    mask = cursor.integer((len(columns) + 7) // 8)
    return [index for index in range(len(columns)) if mask >> index & 1]


Take = Callable[[int, Cursor], bytes]
"""Reads the value of the column with this index."""


def _image(cursor: Cursor, columns: Sequence[Logged], present: Sequence[int], charsets: Charsets) -> Row:
    def take(index: int, cursor: Cursor) -> bytes:
        return value(columns[index], cursor, charsets)

    return _values(cursor, len(columns), present, take)


def _values(cursor: Cursor, width: int, present: Sequence[int], take: Take) -> Row:
    nulls = cursor.integer((len(present) + 7) // 8)
    row: list[Value] = [UNSENT] * width
    for place, index in enumerate(present):
        row[index] = None if nulls >> place & 1 else take(index, cursor)
    return tuple(row)


# --- partial updates ---------------------------------------------------------------------------------------------


def read_partial_update(
    label: str,
    columns: Sequence[Logged],
    before: Sequence[int],
    after: Sequence[int],
    message: bytes,
    position: int,
    charsets: Charsets,
) -> tuple[Change, int]:
    """One row of a PARTIAL_UPDATE_ROWS event and where it ends.

    Raises LogUnusable when a document was changed in part and the old one is not in the log.
    """
    cursor = Cursor(message, "a partial update", position)
    documents: dict[int, bytes] = {}

    def take_old(index: int, cursor: Cursor) -> bytes:
        column = columns[index]
        if column.code != codes.JSON:
            return value(column, cursor, charsets)
        documents[index] = cursor.take(cursor.integer(column.size))
        return json_text(documents[index])

    old = _values(cursor, len(columns), before, take_old)
    partial = _partial_columns(columns, cursor)

    def take_new(index: int, cursor: Cursor) -> bytes:
        column = columns[index]
        if index not in partial:
            return value(column, cursor, charsets)
        if index not in documents:
            raise LogUnusable(
                f"column {column.name} of {label} is logged as a partial JSON update without the old document",
                hint=PARTIAL_JSON_HINT,
            )
        return apply_diffs(documents[index], cursor.take(cursor.integer(column.size)))

    new = _values(cursor, len(columns), after, take_new)
    return (UPDATE, old, carry_over(old, new)), cursor.position


def _partial_columns(columns: Sequence[Logged], cursor: Cursor) -> set[int]:
    """The JSON columns that hold diffs; each JSON column of the table has a bit, sent or not."""
    options = cursor.packed()
    if options & ~_PARTIAL_JSON:
        raise DecodeError(f"a partial update has the unknown options 0x{options:x}")
    if not options & _PARTIAL_JSON:
        return set()
    documents = [index for index, column in enumerate(columns) if column.code == codes.JSON]
    flags = cursor.integer((len(documents) + 7) // 8)
    return {index for place, index in enumerate(documents) if flags >> place & 1}


# --- values ------------------------------------------------------------------------------------------------------


def value(column: Logged, cursor: Cursor, charsets: Charsets) -> bytes:
    """The canonical text of one value that is not NULL."""
    read = _READ.get(column.code)
    if read is not None:
        return read(column, cursor)
    return _string(column, cursor, charsets)


def _signed(column: Logged, raw: bytes) -> bytes:
    return b"%d" % int.from_bytes(raw, "little", signed=not column.unsigned)


def _integer(column: Logged, cursor: Cursor) -> bytes:
    return _signed(column, cursor.take(codes.INTEGERS[column.code][1] // 8))


def _decimal(column: Logged, cursor: Cursor) -> bytes:
    size = decimals.size(column.precision, column.scale)
    return decimals.decimal_text(cursor.take(size), column.precision, column.scale)


def _float(column: Logged, cursor: Cursor) -> bytes:
    if column.size == 4:
        return texts.float4(struct.unpack("<f", cursor.take(4))[0])
    return texts.float8(struct.unpack("<d", cursor.take(8))[0])


def _year(column: Logged, cursor: Cursor) -> bytes:
    number = cursor.integer(1)
    return b"%d" % (1900 + number if number else 0)


def _date(column: Logged, cursor: Cursor) -> bytes:
    packed = cursor.integer(3)
    return b"%04d-%02d-%02d" % (packed >> 9, packed >> 5 & 15, packed & 31)


def _big(cursor: Cursor, size: int) -> int:
    return int.from_bytes(cursor.take(size), "big")


def _micro(column: Logged, cursor: Cursor) -> int:
    size = (column.precision + 1) // 2
    return _big(cursor, size) * (1000000, 10000, 100, 1)[size]


def _fraction(micro: int) -> str:
    return f".{micro:06d}".rstrip("0") if micro else ""


def _datetime2(column: Logged, cursor: Cursor) -> bytes:
    packed = _big(cursor, 5) - (1 << 39)
    months, day = packed >> 22, packed >> 17 & 31
    hour, minute, second = packed >> 12 & 31, packed >> 6 & 63, packed & 63
    text = f"{months // 13:04d}-{months % 13:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"
    return (text + _fraction(_micro(column, cursor))).encode()


def _timestamp(seconds: int, micro: int) -> bytes:
    if not seconds and not micro:
        return b"0000-00-00 00:00:00+00"
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return (moment.strftime("%Y-%m-%d %H:%M:%S") + _fraction(micro) + "+00").encode()


def _timestamp2(column: Logged, cursor: Cursor) -> bytes:
    return _timestamp(_big(cursor, 4), _micro(column, cursor))


def _time2(column: Logged, cursor: Cursor) -> bytes:
    size = (column.precision + 1) // 2
    packed = _big(cursor, 3 + size) - (1 << (23 + 8 * size))
    sign = "-" if packed < 0 else ""
    clock, part = divmod(abs(packed), 1 << (8 * size))
    text = f"{sign}{clock >> 12:02d}:{clock >> 6 & 63:02d}:{clock & 63:02d}"
    return (text + _fraction(part * 100 ** (3 - size))).encode()


def _old_time(column: Logged, cursor: Cursor) -> bytes:
    return texts.old_time(int.from_bytes(cursor.take(3), "little", signed=True))


def _bit(column: Logged, cursor: Cursor) -> bytes:
    return f"{_big(cursor, column.size):b}".zfill(column.precision).encode()


def _enum(column: Logged, cursor: Cursor) -> bytes:
    number = cursor.integer(column.size)
    return column.labels[number - 1].encode() if number else b""


def _set(column: Logged, cursor: Cursor) -> bytes:
    number = cursor.integer(column.size)
    return ",".join(label for place, label in enumerate(column.labels) if number >> place & 1).encode()


def _bytes(data: bytes) -> bytes:
    return b"\\x" + data.hex().encode()


def _string(column: Logged, cursor: Cursor, charsets: Charsets) -> bytes:
    data = cursor.take(cursor.integer(codes.prefix(column)))
    if column.code in codes.COMPRESSED:
        data = inflate(data)
    if column.charset == BINARY:
        return _bytes(data.ljust(column.size, b"\0") if column.code == codes.STRING else data)
    decode = charsets.decoder(str(column.charset))
    return decode(data) if decode else data


_READ: Final[dict[int, Callable[[Logged, Cursor], bytes]]] = {
    **dict.fromkeys(codes.INTEGERS, _integer),
    codes.NEWDECIMAL: _decimal,
    codes.FLOAT: _float,
    codes.DOUBLE: _float,
    codes.YEAR: _year,
    codes.DATE: _date,
    codes.NEWDATE: _date,
    codes.DATETIME2: _datetime2,
    codes.TIMESTAMP2: _timestamp2,
    codes.TIME2: _time2,
    codes.DATETIME: lambda _, cursor: texts.old_datetime(cursor.integer(8)),
    codes.TIMESTAMP: lambda _, cursor: _timestamp(cursor.integer(4), 0),
    codes.TIME: _old_time,
    codes.BIT: _bit,
    codes.ENUM: _enum,
    codes.SET: _set,
    codes.JSON: lambda column, cursor: json_text(cursor.take(cursor.integer(column.size))),
    codes.GEOMETRY: lambda column, cursor: texts.ewkb(cursor.take(cursor.integer(column.size))),
    codes.VECTOR: lambda column, cursor: _bytes(cursor.take(cursor.integer(column.size))),
}
