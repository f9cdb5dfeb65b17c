"""What is compressed inside a binlog: MySQL's whole transactions, MariaDB's statements and rows.

In: the bodies of such events. Out: the plain events, or their bodies, as if nothing had been compressed. Raises
DecodeError for what is cut short, does not decompress, or uses a method that this version does not know. No I/O.

https://dev.mysql.com/doc/refman/8.4/en/binary-log-transaction-compression.html,
https://mariadb.com/kb/en/compressing-events-to-reduce-size-of-the-binary-log/
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import zstandard

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.events.integers import packed
from cdc_agent.sources.mysql.events.kinds import (
    HEADER_BYTES,
    MARIADB_ROWS_COMPRESSED,
    TRANSACTION_PAYLOAD,
    UPDATE_ROWS,
    UPDATE_ROWS_V1,
    WRITE_ROWS,
)
from cdc_agent.sources.mysql.events.reader import HEADER, Event

_CHUNK: Final = 256 * 1024
_PAYLOAD_END, _PAYLOAD_SIZE, _PAYLOAD_COMPRESSION = 0, 1, 2
_ZSTD, _NONE = 0, 255


def payload(body: bytes) -> Iterator[Event]:
    """The events inside a TRANSACTION_PAYLOAD, decompressed as they are taken, so that memory stays bounded."""
    return split(TRANSACTION_PAYLOAD, _inflated(body))


def split(kind: int, data: Iterator[bytes]) -> Iterator[Event]:
    """The events that stand one after another in a transaction payload; they have no checksum."""
    chunks, held, needed = [], 0, HEADER_BYTES
    for chunk in data:
        chunks.append(chunk)
        held += len(chunk)
        if held < needed:
            continue
        buffer, at, needed = b"".join(chunks), 0, HEADER_BYTES
        while held - at >= HEADER_BYTES:
            seconds, inner, server, size, end, flags = HEADER.unpack_from(buffer, at)
            if size < HEADER_BYTES or inner == kind:
                raise DecodeError(f"a transaction payload holds an event {inner} of {size} bytes")
            if at + size > held:
                needed = size
                break
            yield Event(inner, seconds, end, size, flags, buffer[at + HEADER_BYTES : at + size], server)
            at += size
        chunks, held = [buffer[at:]], held - at
    if held:
        raise DecodeError("a transaction payload ends inside an event")


def _inflated(body: bytes) -> Iterator[bytes]:
    compression, size, at = _NONE, None, 0
    try:
        while True:
            field, at = packed(body, at)
            if field == _PAYLOAD_END:
                break
            length, at = packed(body, at)
            if field == _PAYLOAD_SIZE:
                size = packed(body, at)[0]
            elif field == _PAYLOAD_COMPRESSION:
                compression = packed(body, at)[0]
            at += length
    except IndexError:
        raise DecodeError("a transaction payload is cut short") from None
    if size is not None and size != len(body) - at:
        raise DecodeError(f"a transaction payload says that it has {size} bytes, it has {len(body) - at}")
    if compression == _NONE:
        yield body[at:]
    elif compression == _ZSTD:
        yield from _zstd(body, at)
    else:
        raise DecodeError(f"a transaction payload is compressed with {compression}, which this version does not know")


def _zstd(body: bytes, at: int) -> Iterator[bytes]:
    source = memoryview(body)[at:]
    try:
        with zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True) as reader:
            while chunk := reader.read(_CHUNK):
                yield chunk
    except zstandard.ZstdError:
        raise DecodeError("a transaction payload cannot be decompressed") from None


def decompressed_query(body: bytes) -> bytes:
    """The body of the plain QUERY event for MariaDB's compressed one."""
    start = 14 + body[8] + int.from_bytes(body[11:13], "little")
    return body[:start] + _mariadb_inflated(body, start)


def decompressed_rows(kind: int, body: bytes) -> tuple[int, bytes]:
    """The plain type and body for MariaDB's compressed row event: only the rows themselves are compressed."""
    plain = MARIADB_ROWS_COMPRESSED[kind]
    at = 8
    if plain >= WRITE_ROWS:
        at += int.from_bytes(body[8:10], "little")
    columns, at = packed(body, at)
    bitmap = (columns + 7) // 8
    at += 2 * bitmap if plain in (UPDATE_ROWS, UPDATE_ROWS_V1) else bitmap
    return plain, body[:at] + _mariadb_inflated(body, at)


def _mariadb_inflated(body: bytes, at: int) -> bytes:
    """A byte with the algorithm and the size of the length, the length (big-endian), a zlib stream."""
    head = body[at] if at < len(body) else 0
    if head & 0xE0 != 0x80 or head >> 4 & 7 != 0:
        raise DecodeError(f"a compressed event starts with 0x{head:02x}, which this version does not know")
    start = at + 1 + (head & 7)
    size = int.from_bytes(body[at + 1 : start], "big")
    try:
        data = zlib.decompress(body[start:], bufsize=max(size, 1))
    except zlib.error:
        raise DecodeError("a compressed event cannot be decompressed") from None
    if len(data) != size:
        raise DecodeError("a compressed event has another length than it says")
    return data
