"""Reads XA branches again from the server's log: the rows of one, or where one was prepared.

In: a branch's name or place. Out: its table maps and row events. Each call opens a dump connection of its own, beside
the stream's. Nothing is guessed: a branch that the log no longer holds raises LogGone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.errors import LogGone
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql import compression
from cdc_agent.sources.mysql.dump import Dump
from cdc_agent.sources.mysql.events import files, identities, kinds, queries
from cdc_agent.sources.mysql.events.identities import Xid
from cdc_agent.sources.mysql.events.reader import Event, EventReader
from cdc_agent.sources.mysql.recognition import FIRST_EVENT
from cdc_agent.sources.mysql.stream.branches import Branch

_BEGINNINGS: Final = (kinds.GTID, kinds.ANONYMOUS_GTID, kinds.GTID_TAGGED, kinds.MARIADB_GTID)
_HELD: Final = frozenset((kinds.TABLE_MAP, *kinds.ROWS, *kinds.MARIADB_ROWS_COMPRESSED))


@dataclass(frozen=True, slots=True)
class LogSearch:
    """The `BranchReader` of one source."""

    database: Database
    purpose: str
    files: Callable[[], list[tuple[str, int]]]
    """The log's files with their sizes, oldest first."""

    def read(self, branch: Branch) -> Iterator[tuple[int, bytes]]:
        for _, event in self._events(branch.file, branch.start):
            if event.kind in _HELD or _is_savepoint(event):
                yield event.kind, event.body
            elif event.kind == kinds.XA_PREPARE:
                return
        raise LogGone(f"the XA branch prepared at {branch.file}:{branch.start} is no longer in the log")

    def find(self, xid: Xid, file: str, before: int) -> Branch:
        names = [name for name, _ in self.files() if _number(name) <= _number(file)]
        for name in reversed(names):
            start = self._prepared(xid, name, before if name == file else None)
            if start is not None:
                return Branch(xid, name, start, events=None)
        raise LogGone(
            f"an XA branch was committed at {file}:{before}, and the log no longer holds its rows",
            details=[f"searched: {', '.join(names) or 'no file'}"],
        )

    def _prepared(self, xid: Xid, file: str, before: int | None) -> int | None:
        """Where the last transaction of this file begins that prepares the branch."""
        found = None
        for start, event in self._events(file, FIRST_EVENT, before):
            if event.kind == kinds.XA_PREPARE and identities.xa_prepare(event.body) == (xid, False):
                found = start
        return found

    def _events(self, file: str, offset: int, before: int | None = None) -> Iterator[tuple[int, Event]]:
        """(where its transaction begins, event) for every event of a file from an offset on."""
        dump = Dump.of_what_is_there(self.database, self.purpose, BinlogPosition(file, offset))
        reader, end, start = EventReader(), offset, offset
        try:
            for packet in dump.whole():
                event = reader.read(packet)
                if event.kind == kinds.ROTATE:
                    if files.rotation(event.body)[0] != file:
                        return
                    continue
                if event.kind != kinds.FORMAT_DESCRIPTION and event.end:
                    end += (event.end - end) % (1 << 32)
                if event.kind in _BEGINNINGS:
                    start = end - event.size
                if before is not None and end > before:
                    return
                if event.kind == kinds.TRANSACTION_PAYLOAD:
                    yield from ((start, inner) for inner in compression.payload(event.body))
                else:
                    yield start, event
        finally:
            dump.close()


def _is_savepoint(event: Event) -> bool:
    """Whether it is a statement other than XA START and XA END: SAVEPOINT and ROLLBACK TO count among the rows."""
    return event.kind == kinds.QUERY and not queries.query_text(event.body).startswith(b"XA ")


def _number(file: str) -> int:
    return BinlogPosition(file, 0).sequence[0]
