"""XA: rows that stand in the log at PREPARE and count, or not, from a decision that comes later.

In: XA statements and XA PREPARE events. Out: a branch that is prepared is put aside; one that is committed has its rows
let through as if they stood at its COMMIT. Does I/O only through the `BranchReader`, for a branch that was too large to
hold or was prepared before we began to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdc_agent.errors import DecodeError
from cdc_agent.sources.assemble import Assembler
from cdc_agent.sources.mysql.events import identities, kinds
from cdc_agent.sources.mysql.events.reader import Event
from cdc_agent.sources.mysql.stream.branches import Branch, Branches, BranchReader
from cdc_agent.sources.mysql.stream.cursor import Cursor
from cdc_agent.sources.mysql.stream.handlers import Handler, Handlers
from cdc_agent.sources.mysql.stream.statements import Xa
from cdc_agent.sources.mysql.stream.tables import KnownTables
from cdc_agent.sources.mysql.stream.transactions import Transactions


class XaEvents:
    """The handlers of what begins, prepares and decides XA branches."""

    def __init__(
        self,
        cursor: Cursor,
        assembler: Assembler,
        tables: KnownTables,
        transactions: Transactions,
        branches: Branches,
        reader: BranchReader,
        dispatch: Sequence[Handler],
    ) -> None:
        """`dispatch` is the stream's own table of handlers, through which a branch's events go again."""
        self._cursor = cursor
        self._assembler = assembler
        self._tables = tables
        self._transactions = transactions
        self._branches = branches
        self._reader = reader
        self._dispatch = dispatch

    def handlers(self) -> Handlers:
        return {kinds.XA_PREPARE: self._prepare}

    def statement(self, event: Event, xa: Xa) -> None:
        """XA START, COMMIT or ROLLBACK; XA END and PREPARE say nothing that the events do not."""
        match xa.verb:
            case "START":
                self._transactions.explicit = True
                self._transactions.branch_begins(xa.xid)
            case "COMMIT":
                self._replay(self._decided(xa.xid))
                self._transactions.commit(event)
            case "ROLLBACK":
                self._branches.decided(xa.xid)
                self._assembler.skipped()
                self._transactions.commit(event)
            case _:
                return

    def hold(self, branch: Branch, event: Event) -> None:
        """Keep what happens inside a branch until it is decided."""
        self._branches.hold(branch, event.kind, event.body)

    def _prepare(self, event: Event) -> None:
        xid, one_phase = identities.xa_prepare(event.body)
        branch, self._transactions.branch = self._transactions.branch, None
        if branch is None or branch.xid != xid:
            raise DecodeError(f"an XA PREPARE without its XA START came before {self._cursor.place}")
        if one_phase:
            self._replay(branch)
        else:
            self._branches.prepared(branch)
            self._assembler.skipped()
        self._transactions.commit(event)

    def _decided(self, xid: identities.Xid) -> Branch:
        branch = self._branches.decided(xid)
        return self._reader.find(xid, self._cursor.file, self._transactions.start) if branch is None else branch

    def _replay(self, branch: Branch) -> None:
        """Let the rows of a branch through as if they stood here."""
        self._tables.by_id.clear()
        found: Iterable[tuple[int, bytes]] = branch.events or ()
        if branch.events is None:
            found = self._reader.read(branch)
        for kind, body in found:
            self._dispatch[kind](Event(kind, 0, 0, 0, 0, body, 0))
