"""Reads binlog events from their bytes: headers, checksums, and the events that frame row changes.

In: the payload of one replication packet, status byte first. Out: `Event` tuples and small values. The row events'
own content is left alone (`sources.mysql.rows`). Pure functions and one small class that remembers, from the format
description, whether events carry a checksum. Raises DecodeError for bytes that are not such an event.

Layouts: libs/mysql/binlog/event/control_events.h and rows_event.h of MySQL, sql/log_event.h of MariaDB, and
https://mariadb.com/kb/en/replication-protocol/.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from cdc_agent.errors import DecodeError

QUERY: Final = 2
STOP: Final = 3
ROTATE: Final = 4
INTVAR: Final = 5
APPEND_BLOCK: Final = 9
DELETE_FILE: Final = 11
RAND: Final = 13
USER_VAR: Final = 14
FORMAT_DESCRIPTION: Final = 15
XID: Final = 16
BEGIN_LOAD_QUERY: Final = 17
EXECUTE_LOAD_QUERY: Final = 18
TABLE_MAP: Final = 19
WRITE_ROWS_V1: Final = 23
UPDATE_ROWS_V1: Final = 24
DELETE_ROWS_V1: Final = 25
INCIDENT: Final = 26
HEARTBEAT: Final = 27
IGNORABLE: Final = 28
ROWS_QUERY: Final = 29
WRITE_ROWS: Final = 30
UPDATE_ROWS: Final = 31
DELETE_ROWS: Final = 32
GTID: Final = 33
ANONYMOUS_GTID: Final = 34
PREVIOUS_GTIDS: Final = 35
TRANSACTION_CONTEXT: Final = 36
VIEW_CHANGE: Final = 37
XA_PREPARE: Final = 38
PARTIAL_UPDATE_ROWS: Final = 39
TRANSACTION_PAYLOAD: Final = 40
HEARTBEAT_V2: Final = 41
GTID_TAGGED: Final = 42
MARIADB_ANNOTATE_ROWS: Final = 160
MARIADB_BINLOG_CHECKPOINT: Final = 161
MARIADB_GTID: Final = 162
MARIADB_GTID_LIST: Final = 163
MARIADB_START_ENCRYPTION: Final = 164
MARIADB_QUERY_COMPRESSED: Final = 165
MARIADB_ROWS_COMPRESSED: Final = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}
"""MariaDB's compressed row events and the plain type of each; see `compression`."""

ROWS: Final = frozenset(
    (*range(WRITE_ROWS_V1, DELETE_ROWS_V1 + 1), *range(WRITE_ROWS, DELETE_ROWS + 1), PARTIAL_UPDATE_ROWS)
)

IGNORABLE_FLAG: Final = 0x80
ARTIFICIAL_FLAG: Final = 0x20

MARIADB_STANDALONE: Final = 1
MARIADB_GROUP_COMMIT: Final = 2
MARIADB_PREPARED_XA: Final = 64

HEADER_BYTES: Final = 19
HEADER: Final = struct.Struct("<IBIIIH")
_SELF_CHECKED: Final = frozenset((FORMAT_DESCRIPTION, ROTATE, HEARTBEAT, HEARTBEAT_V2))
"""Events that the server makes up for one connection: whether they have a checksum is seen from the event itself."""
_RESIDUE: Final = 0x2144DF1C
"""The CRC-32 of any bytes with their own CRC-32 behind them."""
_BEFORE_STATUS: Final = 0x0F6A7026
"""The CRC-32 that becomes that of nothing with a status byte of zero: packets are checked as they stand, uncopied."""
_PLAIN_LEAST: Final = 32
"""Bytes of the shortest packet in a plain transaction, its commit."""
_MARIADB_UNUSUAL: Final = 1 | 32 | 64 | 128
"""Flags of a MariaDB GTID that begins no plain transaction: a statement of its own, DDL, an XA branch or its end."""
_GTID: Final = struct.Struct("<x16sQ17xIHB").unpack_from
_COMMIT: Final = struct.Struct("<xI9xI").unpack_from
_new: Final = tuple.__new__
"""What `Event(…)` does in the end; a busy log makes a million of them."""


class Event(NamedTuple):
    """One event without its checksum."""

    kind: int
    seconds: int
    """When it was written, since the epoch; 0 for an artificial one."""
    end: int
    """The low 32 bits of where it ends in its file; 0 for an artificial one, meaningless inside a payload."""
    size: int
    """Bytes in the file, header and checksum included."""
    flags: int
    body: bytes
    """What follows the 19-byte header."""
    server: int
    """The id of the server that wrote it."""


class Plain(NamedTuple):
    """A transaction of one rows event, taken apart at one go."""

    packets: int
    """How many it consists of."""
    gtid: bytes
    """The packet of its GTID event."""
    table_map: bytes
    """The body of the table map."""
    kind: int
    """Of the rows event."""
    rows: bytes
    """Its body."""
    end: int
    """As `Event.end` of the event that commits it."""
    seconds: int
    """When that was written, since the epoch."""


class EventReader:
    """Takes packets apart; keeps what the last format description said about checksums."""

    def __init__(self) -> None:
        self._checked = False

    def read(self, packet: bytes) -> Event:
        """The event in an OK packet. Raises DecodeError when its size or its checksum is wrong."""
        if len(packet) < HEADER_BYTES + 1:
            raise DecodeError(f"an event of {len(packet) - 1} bytes is too short for its header")
        seconds, kind, server, size, end, flags = HEADER.unpack_from(packet, 1)
        if size != len(packet) - 1:
            raise DecodeError(f"event {kind} says that it has {size} bytes, the packet has {len(packet) - 1}")
        if kind in _SELF_CHECKED:
            return self._self_checked(packet, Event(kind, seconds, end, size, flags, packet[20:], server))
        if not self._checked:
            return Event(kind, seconds, end, size, flags, packet[20:], server)
        if zlib.crc32(packet, _BEFORE_STATUS) != _RESIDUE:
            raise DecodeError(f"event {kind} that ends at {end} has a wrong checksum")
        return _new(Event, (kind, seconds, end, size, flags, packet[20:-4], server))

    def plain(self, packets: Sequence[bytes], at: int) -> Plain | None:
        """What most transactions are: a GTID, BEGIN (not in MariaDB), a table map, its rows, and the commit.

        None when the events from `at` on are anything else, have no checksum or a wrong one, or have not all arrived;
        then `read` has to look at them one by one.
        """
        first = packets[at]
        if not self._checked or len(first) < _PLAIN_LEAST:
            return None
        if first[5] == GTID:
            whole = packets[at : at + 5]
            if len(whole) < 5 or not _begins(whole[1]):
                return None
        elif first[5] == MARIADB_GTID and not first[32] & _MARIADB_UNUSUAL:
            whole = packets[at : at + 4]
            if len(whole) < 4:
                return None
        else:
            return None
        for packet in whole:
            if len(packet) < _PLAIN_LEAST or zlib.crc32(packet, _BEFORE_STATUS) != _RESIDUE:
                return None
        table_map, rows, commit = whole[-3:]
        if table_map[5] != TABLE_MAP or rows[5] not in ROWS or rows[20:26] != table_map[20:26] or commit[5] != XID:
            return None
        seconds, end = _COMMIT(commit)
        return _new(Plain, (len(whole), first, table_map[20:-4], rows[5], rows[20:-4], end, seconds))

    def _self_checked(self, packet: bytes, event: Event) -> Event:
        right = zlib.crc32(packet, _BEFORE_STATUS) == _RESIDUE
        if event.kind == FORMAT_DESCRIPTION:
            self._checked = _checksum_algorithm(event.body)
        return event._replace(body=event.body[:-4]) if right else event


def _checksum_algorithm(body: bytes) -> bool:
    """Whether the events of this file have a CRC32; the format description itself always has room for one."""
    if len(body) < 62:
        raise DecodeError("a format description is too short")
    if int.from_bytes(body[:2], "little") != 4:
        raise DecodeError(f"the log has binlog version {int.from_bytes(body[:2], 'little')}, not 4")
    algorithm = body[-5]
    if algorithm not in (0, 1):
        raise DecodeError(f"the log has checksums of kind {algorithm}, which this version does not know")
    return algorithm == 1


def packed(body: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer and where it ends."""
    first = body[at]
    if first < 0xFB:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
    if not size or at + 1 + size > len(body):
        raise DecodeError(f"a length in the log starts with 0x{first:02x}")
    return int.from_bytes(body[at + 1 : at + 1 + size], "little"), at + 1 + size


# --- files ---------------------------------------------------------------------------------------------------------


def rotation(body: bytes) -> tuple[str, int]:
    """(next file, offset in it) of a ROTATE event."""
    if len(body) < 9:
        raise DecodeError("a rotate event is too short")
    return _file_name(body[8:]), int.from_bytes(body[:8], "little")


def heartbeat(event: Event) -> tuple[str, int]:
    """(file, offset) that the server has read up to; an offset of version 1 has its low 32 bits only."""
    if event.kind == HEARTBEAT:
        return _file_name(event.body), event.end
    file, offset, at = "", 0, 0
    while at < len(event.body):
        field, at = packed(event.body, at)
        if field == 0:
            break
        size, at = packed(event.body, at)
        value, at = event.body[at : at + size], at + size
        if field == 1:
            file = _file_name(value)
        elif field == 2:
            offset = packed(value, 0)[0]
    return file, offset


def _file_name(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise DecodeError("a log file's name is not UTF-8") from None


# --- transactions --------------------------------------------------------------------------------------------------


class MysqlGtid(NamedTuple):
    """A transaction's identity and when it was committed first."""

    source: str
    """UUID, or ``uuid:tag``; '' for an anonymous transaction."""
    number: int
    commit_time: float | None
    """Seconds since the epoch; None when the server did not write it."""


_TAGGED_UUID, _TAGGED_NUMBER, _TAGGED_TAG = 1, 2, 3
_TAGGED_IMMEDIATE, _TAGGED_ORIGINAL, _TAGGED_LAST = 6, 7, 11


def gtid(body: bytes) -> tuple[bytes, int, float | None]:
    """(source, number, original commit time) of a GTID event or an anonymous one.

    The source is a UUID's 16 bytes, the time in seconds since the epoch, None when the event has none.
    """
    if len(body) < 49:
        return body[1:17], int.from_bytes(body[17:25], "little"), None
    source, number, low, middle, high = _GTID(body)
    if not high & 0x80:
        return source, number, (low | middle << 32 | high << 48) / 1e6
    if len(body) < 56:
        raise DecodeError("a GTID event is cut short")
    return source, number, int.from_bytes(body[49:56], "little") / 1e6


def tagged_gtid(body: bytes) -> MysqlGtid:
    """A GTID event of MySQL 8.3 and newer, in the form of libs/mysql/serialization."""
    fields: dict[int, int] = {}
    server, tag = b"", b""
    try:
        _, at = _varint(body, 0)  # version of the serialization
        size, at = _varint(body, at)
        last, at = _varint(body, at)  # last field that must be understood
        if last > _TAGGED_LAST + 1:
            raise DecodeError(f"a tagged GTID event has a field {last} that must not be ignored")
        end = min(size, len(body))
        while at < end:
            field, at = _varint(body, at)
            if field == _TAGGED_UUID:
                server, at = _varint_bytes(body, at, 16)
            elif field == _TAGGED_TAG:
                length, at = _varint(body, at)
                tag, at = body[at : at + length], at + length
            elif field <= _TAGGED_LAST:
                fields[field], at = _varint(body, at)
            else:
                break
        number = _zigzag(fields[_TAGGED_NUMBER])
        source = str(uuid.UUID(bytes=server))
        name = tag.decode("ascii")
    except (IndexError, KeyError, ValueError):
        raise DecodeError("a tagged GTID event is not readable") from None
    time = fields.get(_TAGGED_ORIGINAL, fields.get(_TAGGED_IMMEDIATE))
    return MysqlGtid(f"{source}:{name}" if name else source, number, None if time is None else time / 1e6)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """The trailing ones of the first byte say how many bytes follow; the value's low bits come first."""
    first = body[at]
    size = 1
    while size < 9 and first >> (size - 1) & 1:
        size += 1
    if at + size > len(body):
        raise IndexError(at)
    whole = int.from_bytes(body[at : at + size], "little")
    return (whole >> 8 if size == 9 else whole >> size), at + size


def _varint_bytes(body: bytes, at: int, count: int) -> tuple[bytes, int]:
    found = bytearray()
    for _ in range(count):
        value, at = _varint(body, at)
        found.append(value)
    return bytes(found), at


def _zigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


class Xid(NamedTuple):
    """The name of an XA branch."""

    gtrid: bytes
    bqual: bytes
    format: int


def xa_prepare(body: bytes) -> tuple[Xid, bool]:
    """(branch, whether it is committed with this, ``XA COMMIT … ONE PHASE``)."""
    if len(body) < 13:
        raise DecodeError("an XA prepare event is too short")
    one_phase, form, gtrid, bqual = struct.unpack_from("<BiII", body)
    if len(body) < 13 + gtrid + bqual:
        raise DecodeError("an XA prepare event is cut short")
    return Xid(body[13 : 13 + gtrid], body[13 + gtrid : 13 + gtrid + bqual], form), bool(one_phase)


class MariadbGtid(NamedTuple):
    domain: int
    number: int
    flags: int


def mariadb_gtid(body: bytes) -> MariadbGtid:
    """The identity of a MariaDB transaction; its server id stands in the event's header."""
    if len(body) < 13:
        raise DecodeError("a MariaDB GTID event is too short")
    number, domain, flags = struct.unpack_from("<QIB", body)
    return MariadbGtid(domain, number, flags)


def mariadb_xid(body: bytes) -> Xid:
    """The XA branch that a MariaDB GTID event with the flag PREPARED_XA begins."""
    at = 21 if body[12] & MARIADB_GROUP_COMMIT else 13
    if len(body) < at + 6:
        raise DecodeError("a MariaDB GTID event is too short for its XA branch")
    form, gtrid, bqual = struct.unpack_from("<iBB", body, at)
    at += 6
    if len(body) < at + gtrid + bqual:
        raise DecodeError("a MariaDB GTID event is cut short in its XA branch")
    return Xid(body[at : at + gtrid], body[at + gtrid : at + gtrid + bqual], form)


# --- statements ----------------------------------------------------------------------------------------------------


class Query(NamedTuple):
    """A statement in the log."""

    text: bytes
    """In the character set of the client that sent it."""
    schema: str
    collation: int | None
    """The client's character set as a collation id; None when the event does not say."""
    sql_mode: int


_QUERY_FIXED: Final = 13
_LOAD_FIXED: Final = 13 + 13
_SHORTEST_BEGIN: Final = 1 + HEADER_BYTES + _QUERY_FIXED + len(b"\0BEGIN") + 4
"""Bytes of the packet of BEGIN without status variables and a schema's name."""
_STATUS_SIZES: Final = {0: 4, 1: 8, 3: 4, 4: 6}
"""Sizes of the status variables up to the character set, in the order in which servers write them."""


def query_text(body: bytes) -> bytes:
    """The statement of a QUERY event, without looking at anything else."""
    return body[14 + body[8] + (body[11] | body[12] << 8) :]


def _begins(packet: bytes) -> bool:
    """Whether the packet of an event, with its checksum, is that of BEGIN; `query_text` in place."""
    if len(packet) < _SHORTEST_BEGIN or packet[5] != QUERY or packet[-9:-4] != b"BEGIN":
        return False
    return len(packet) == _SHORTEST_BEGIN + packet[28] + (packet[31] | packet[32] << 8)


def query(body: bytes, *, load: bool = False) -> Query:
    """A QUERY event, or with `load` an EXECUTE_LOAD_QUERY event."""
    start = _LOAD_FIXED if load else _QUERY_FIXED
    if len(body) < start + 1:
        raise DecodeError("a query event is too short")
    status_end = start + int.from_bytes(body[11:13], "little")
    schema_end = status_end + body[8]
    if len(body) < schema_end + 1:
        raise DecodeError("a query event is cut short")
    collation, sql_mode = _status(body[start:status_end])
    schema = body[status_end:schema_end].decode("utf-8", "surrogateescape")
    return Query(body[schema_end + 1 :], schema, collation, sql_mode)


def _status(variables: bytes) -> tuple[int | None, int]:
    collation, sql_mode, at = None, 0, 0
    while at < len(variables):
        code, at = variables[at], at + 1
        if code == 6:  # catalog
            at += 1 + variables[at]
            continue
        size = _STATUS_SIZES.get(code)
        if size is None:
            break
        value = variables[at : at + size]
        if code == 1:
            sql_mode = int.from_bytes(value, "little")
        elif code == 4:
            collation = int.from_bytes(value[:2], "little")
        at += size
    return collation, sql_mode
