"""Reads a binlog raw, over PyMySQL and COM_BINLOG_DUMP: the events between two moments, headers and checksums off.

Shares no code with the product's reader: what it gives is what the server sent.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pymysql

TABLE_MAP = 19
ROWS = {23, 24, 25, 30, 31, 32, 39}
COMPRESSED_ROWS = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}
_COM_BINLOG_DUMP = 0x12
_NON_BLOCKING = 1
_REPLICA = 0x7000_0000
"""Added to a connection's number, a server id that no other reader of this server has."""
_FORMAT_DESCRIPTION = 15


@dataclass(frozen=True)
class Event:
    kind: int
    body: bytes


def end_of_log(connection: Any) -> tuple[str, int]:
    """File and position at this moment."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SHOW BINARY LOG STATUS")
        except pymysql.err.ProgrammingError:
            cursor.execute("SHOW MASTER STATUS")
        file, position = cursor.fetchone()[:2]
    return file, int(position)


def events(connection: Any, start: tuple[str, int]) -> Iterator[Event]:
    """Every event from `start` to the end of the log; uses the connection up."""
    with connection.cursor() as cursor:
        checksum = "@@global.binlog_checksum"
        cursor.execute(f"SET @source_binlog_checksum = {checksum}, @master_binlog_checksum = {checksum}")
        cursor.execute("SET @mariadb_slave_capability = 4")
    file, position = start
    body = struct.pack("<IHI", position, _NON_BLOCKING, connection.thread_id() + _REPLICA) + file.encode()
    connection._execute_command(_COM_BINLOG_DUMP, body)
    checksum = 0
    while True:
        packet = connection._read_packet()
        if packet.is_eof_packet():
            return
        data = packet.get_all_data()
        if data[5] == _FORMAT_DESCRIPTION:
            checksum = 4 if data[-5] == 1 else 0
        yield Event(data[5], data[20 : len(data) - checksum])


def rows_messages(connection: Any, start: tuple[str, int]) -> Iterator[tuple[bytes, bytes]]:
    """(table map body, message) of every rows event from `start` on, as the product's stream hands them over."""
    maps: dict[bytes, bytes] = {}
    for event in events(connection, start):
        if event.kind == TABLE_MAP:
            maps[event.body[:6]] = event.body
        elif event.kind in ROWS:
            yield maps[event.body[:6]], bytes((event.kind,)) + event.body


def decompress_mariadb(data: bytes) -> bytes:
    """The payload of a compressed MariaDB rows event behind its header: one byte, the length, zlib."""
    return zlib.decompress(data[1 + (data[0] & 7) :])
