"""The events that hold a statement: its text, the schema it ran in, and how its text is to be read."""

from __future__ import annotations

from typing import Final, NamedTuple

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.events.kinds import HEADER_BYTES, QUERY


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


def begins(packet: bytes) -> bool:
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
