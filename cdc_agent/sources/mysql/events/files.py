"""The events that say where in which file of the log we are: ROTATE and the heartbeats."""

from __future__ import annotations

from cdc_agent.errors import DecodeError
from cdc_agent.sources.mysql.events.integers import packed
from cdc_agent.sources.mysql.events.kinds import HEARTBEAT
from cdc_agent.sources.mysql.events.reader import Event


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
