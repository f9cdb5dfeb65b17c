"""Where a transaction begins and where it ends.

In: the events that frame transactions: GTIDs, BEGIN and COMMIT or XID. Out: calls of the `Assembler`, with a position
at every commit. `explicit` tells a transaction that goes on until its COMMIT from one that ends with its first
statement. A log that stops inside a transaction (a crash of the server) never committed it. Never looks at rows.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable

from cdc_agent.errors import LogUnusable, SourceUnavailable
from cdc_agent.model.changes import Transaction
from cdc_agent.sources.assemble import Assembler, Savepoint
from cdc_agent.sources.mysql.events import identities, kinds
from cdc_agent.sources.mysql.events.reader import Event, digest
from cdc_agent.sources.mysql.stream.branches import Branch
from cdc_agent.sources.mysql.stream.cursor import Cursor, Gtid
from cdc_agent.sources.mysql.stream.handlers import Handlers
from cdc_agent.sources.mysql.stream.tables import KnownTables


@functools.lru_cache(maxsize=1_000)
def source_name(source: bytes) -> str:
    """A MySQL server's UUID as GTIDs write it."""
    return str(uuid.UUID(bytes=source))


class Handover:
    """Passes on what the assembler gives, and remembers of what kind it was."""

    __slots__ = ("_emit", "part_open", "rows")

    def __init__(self, emit: Callable[[Transaction], None]) -> None:
        self._emit = emit
        self.part_open = False
        """Whether a part was handed over whose transaction has not ended."""
        self.rows = False
        """Set when rows are handed over; who reads it clears it."""

    def take(self, transaction: Transaction) -> None:
        self.part_open = not transaction.last
        self.rows = self.rows or bool(transaction.pieces)
        self._emit(transaction)


class Transactions:
    """The transaction that is being read; one after another."""

    __slots__ = (
        "_assembler", "_commit_time", "_cursor", "_gtid", "_handover", "_ids", "_savepoints", "begun", "branch",
        "explicit", "open", "outer", "start",
    )  # fmt: skip

    def __init__(self, cursor: Cursor, assembler: Assembler, handover: Handover, tables: KnownTables) -> None:
        self._cursor = cursor
        self._assembler = assembler
        self._handover = handover
        self._ids = tables.by_id
        self._savepoints: dict[str, Savepoint] = {}
        self.start = 0
        """The offset at which it begins."""
        self.begun = (0, 0)
        """(number of the file, offset) at which the last one began that did not go the short way."""
        self.outer: Event | None = None
        """The event of the file that its events stand in, compressed."""
        self._reset()

    def _reset(self) -> None:
        self.open = False
        self.explicit = False
        """Whether only a COMMIT ends it."""
        self.branch: Branch | None = None
        """The XA branch whose rows these are, which do not count yet."""
        self._gtid: Gtid | None = None
        self._commit_time: float | None = None

    def handlers(self) -> Handlers:
        return {
            kinds.GTID: self._mysql,
            kinds.ANONYMOUS_GTID: self._anonymous,
            kinds.GTID_TAGGED: self._tagged,
            kinds.MARIADB_GTID: self._mariadb,
            kinds.XID: self.commit,
        }

    @property
    def gtid(self) -> Gtid | None:
        """Of the transaction that has begun."""
        return self._gtid

    # --- beginnings

    def begin(self, event: Event, *, explicit: bool = False) -> None:
        """A transaction without a GTID begins with this event, unless one is given after."""
        if self.open:
            self.break_off()
        self.open = True
        self.explicit = explicit
        self._gtid = None
        self._commit_time = None
        self.start = self._cursor.end(event.end) - event.size
        self.begun = (self._cursor.number, self.start)
        self._ids.clear()
        self._assembler.begin()

    def _mysql(self, event: Event) -> None:
        self.begin(event)
        source, number, self._commit_time = identities.gtid(event.body)
        self._gtid = (source_name(source), number)

    def _anonymous(self, event: Event) -> None:
        self.begin(event)
        self._commit_time = identities.gtid(event.body)[2]

    def _tagged(self, event: Event) -> None:
        self.begin(event)
        source, number, self._commit_time = identities.tagged_gtid(event.body)
        self._gtid = (source, number)

    def _mariadb(self, event: Event) -> None:
        domain, number, flags = identities.mariadb_gtid(event.body)
        self.begin(event, explicit=not flags & kinds.MARIADB_STANDALONE)
        self._gtid = (domain, event.server, number)
        if flags & kinds.MARIADB_PREPARED_XA:
            self.branch_begins(identities.mariadb_xid(event.body))

    def branch_begins(self, xid: identities.Xid) -> None:
        """What follows are the rows of an XA branch."""
        self.branch = Branch(xid, self._cursor.file, self.start)

    # --- ends

    def commit(self, event: Event) -> None:
        last = self.outer or event
        position = self._cursor.reach(last.end, self._gtid, last.size, digest(last))
        time = self._commit_time
        self._assembler.commit(position, float(event.seconds) if time is None else time)
        if self._savepoints:
            self._savepoints.clear()
        self.branch = None
        self.open = self.explicit = False
        self._gtid = None

    def break_off(self) -> None:
        """The log goes on elsewhere than in this transaction. Raises SourceUnavailable: what was handed over of it
        must be undone.
        """
        if not self.open:
            return
        if self._handover.part_open:
            raise SourceUnavailable(f"the log broke off inside a transaction at {self._cursor.place}")
        self._savepoints.clear()
        self._reset()

    # --- rollbacks inside

    def savepoint(self, name: str) -> None:
        self._savepoints[name] = self._assembler.savepoint()

    def roll_back_to(self, name: str) -> None:
        """Raises LogUnusable when more than memory holds would have to be undone."""
        savepoint = self._savepoints.get(name)
        self._undone(savepoint is not None and self._assembler.rollback_to(savepoint))

    def roll_back(self, event: Event) -> None:
        """The whole transaction, which leaves its position. Raises as `roll_back_to`."""
        self._undone(not self._handover.part_open)
        self._assembler.begin()
        self._assembler.skipped()
        self.commit(event)

    def _undone(self, possible: bool) -> None:
        """A rollback in the log undoes what stands before it: non-transactional rows have transactions of their own."""
        if not possible:
            raise LogUnusable(
                f"a transaction was rolled back in the log after more of it than memory holds, "
                f"before {self._cursor.place}",
                hint="run teardown, copy the rows again, and run setup for this pipeline; smaller transactions between "
                "SAVEPOINT and ROLLBACK TO avoid it",
            )
