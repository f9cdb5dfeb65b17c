"""Takes packets apart: headers, checksums, and a plain transaction at one go.

In: the payload of a replication packet, status byte first. Out: `Event` tuples, or a `Plain` for the packets of a whole
transaction. `EventReader` remembers, from the format description, whether events carry a checksum. Raises DecodeError
for bytes that are no event. Never looks into a body, but for the format description's.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.events.kinds import (
    FORMAT_DESCRIPTION,
    GTID,
    HEADER_BYTES,
    HEARTBEAT,
    HEARTBEAT_V2,
    MARIADB_GTID,
    ROTATE,
    ROWS,
    TABLE_MAP,
    XID,
)
from cdc_agent.sources.mysql.events.queries import begins

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
_COMMIT: Final = struct.Struct("<xI5xII10xI").unpack_from
"""When it was written, its size, its end and its checksum."""
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
    size: int
    """Its bytes in the file."""
    digest: int
    """As `digest` gives it."""


def digest(event: Event) -> int:
    """What tells an event from another that ends at the same offset: its CRC-32, which is what the file has of it."""
    header = HEADER.pack(event.seconds, event.kind, event.server, event.size, event.end, event.flags)
    return zlib.crc32(event.body, zlib.crc32(header))


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
            if len(whole) < 5 or not begins(whole[1]):
                return None
        elif first[5] == MARIADB_GTID and not first[32] & _MARIADB_UNUSUAL:
            whole = packets[at : at + 4]
            if len(whole) < 4:
                return None
        else:
            return None
        if len(whole[-1]) != _PLAIN_LEAST:
            return None
        for packet in whole:
            if len(packet) < _PLAIN_LEAST or zlib.crc32(packet, _BEFORE_STATUS) != _RESIDUE:
                return None
        table_map, rows, commit = whole[-3:]
        if table_map[5] != TABLE_MAP or rows[5] not in ROWS or rows[20:26] != table_map[20:26] or commit[5] != XID:
            return None
        seconds, size, end, check = _COMMIT(commit)
        return _new(Plain, (len(whole), first, table_map[20:-4], rows[5], rows[20:-4], end, seconds, size, check))

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
