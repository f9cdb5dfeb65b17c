"""Whether a server's log is the one that a position was read from.

In: a position with the last event that was looked at, and the log's files as they are. Out: what speaks against it, in
words, or None. A log that was reset, or whose server was restored or replaced under its old name, grows again to the
same file names, offsets and GTIDs, so that numbers alone prove nothing: the event is read again and its digest
compared. Never takes a log that it cannot look at for the right one, but where nothing is left to look at: an event
in a file that was purged since, before a position by GTIDs, and one beyond 4 GiB of its file, which the protocol cannot
name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.errors import DecodeError, LogGone, LogUnusable
from cdc_agent.model.positions import BinlogPosition, Seen
from cdc_agent.sources.mysql.dump import Dump
from cdc_agent.sources.mysql.events import kinds
from cdc_agent.sources.mysql.events.reader import Event, EventReader, digest

FIRST_EVENT: Final = 4
"""The offset of a file's first event, behind its magic number."""
_LARGEST_START: Final = 0xFFFFFFFF


def first_event(database: Database, purpose: str, file: str) -> Seen | None:
    """A file's format description, which says when the file was begun; None when the log has no such file."""
    try:
        event = _first(database, purpose, BinlogPosition(file, FIRST_EVENT))
    except (LogGone, LogUnusable, DecodeError):
        return None
    return None if event is None else Seen(file, FIRST_EVENT + event.size, event.size, _digest(event))


def against(database: Database, purpose: str, position: BinlogPosition, files: Sequence[tuple[str, int]]) -> str | None:
    """What says that `files`, which are there now, are another log than the position's; None when nothing does."""
    seen = position.seen
    if seen is None:
        return None
    sizes = dict(files)
    if (size := sizes.get(seen.file)) is None:
        first = min((BinlogPosition(file, 0).number for file in sizes), default=0)
        purged = position.gtid and BinlogPosition(seen.file, 0).number < first
        return None if purged else f"there is no {seen.file} any more"
    if size < seen.end:
        return f"{seen.file} ends at {size}, before the checkpoint's last event"
    if seen.end - seen.size > _LARGEST_START:
        return None
    return None if _is_there(database, purpose, seen) else f"another event ends at {seen.file}:{seen.end}"


def _is_there(database: Database, purpose: str, seen: Seen) -> bool:
    try:
        event = _first(database, purpose, BinlogPosition(seen.file, seen.end - seen.size))
    except (LogGone, LogUnusable, DecodeError):  # no event begins there
        return False
    return event is not None and event.size == seen.size and _digest(event) == seen.digest


def _first(database: Database, purpose: str, place: BinlogPosition) -> Event | None:
    """The event that begins at a place."""
    dump = Dump.of_what_is_there(database, purpose, place)
    reader = EventReader()
    try:
        for packet in dump.whole():
            event = reader.read(packet)
            if event.kind == kinds.ROTATE and event.flags & kinds.ARTIFICIAL_FLAG:
                continue
            if event.kind == kinds.FORMAT_DESCRIPTION and place.offset != FIRST_EVENT:
                continue
            return event
    finally:
        dump.close()
    return None


def _digest(event: Event) -> int:
    """A format description's flags and end say whether its file is still written to, and who asks."""
    return digest(event._replace(flags=0, end=0) if event.kind == kinds.FORMAT_DESCRIPTION else event)
