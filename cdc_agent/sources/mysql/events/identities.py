"""Whose transaction it is: the GTIDs of MySQL and MariaDB with their times, and the names of XA branches."""

from __future__ import annotations

import struct
import uuid
from typing import Final, NamedTuple

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.events.integers import varint, varint_bytes, zigzag
from cdc_agent.sources.mysql.events.kinds import MARIADB_GROUP_COMMIT

_GTID: Final = struct.Struct("<x16sQ17xIHB").unpack_from


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
        _, at = varint(body, 0)  # version of the serialization
        size, at = varint(body, at)
        last, at = varint(body, at)  # last field that must be understood
        if last > _TAGGED_LAST + 1:
            raise DecodeError(f"a tagged GTID event has a field {last} that must not be ignored")
        end = min(size, len(body))
        while at < end:
            field, at = varint(body, at)
            if field == _TAGGED_UUID:
                server, at = varint_bytes(body, at, 16)
            elif field == _TAGGED_TAG:
                length, at = varint(body, at)
                tag, at = body[at : at + length], at + length
            elif field <= _TAGGED_LAST:
                fields[field], at = varint(body, at)
            else:
                break
        number = zigzag(fields[_TAGGED_NUMBER])
        source = str(uuid.UUID(bytes=server))
        name = tag.decode("ascii")
    except (IndexError, KeyError, ValueError):
        raise DecodeError("a tagged GTID event is not readable") from None
    time = fields.get(_TAGGED_ORIGINAL, fields.get(_TAGGED_IMMEDIATE))
    return MysqlGtid(f"{source}:{name}" if name else source, number, None if time is None else time / 1e6)


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
