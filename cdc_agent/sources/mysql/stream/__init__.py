"""The binlog's events become transactions: which event begins one, which ends it, and what lies between.

In: the packets of a dump connection, in order. Out: calls of the `Assembler`, with a position at every commit. `Stream`
hands each event to the part that takes it, and stops loudly at what no part knows:

| part | events |
|---|---|
| `plain` | a whole transaction of one rows event at one go: the hot path |
| `transactions` | GTIDs and XID: beginnings and ends |
| `row_events`, `tables` | table maps and rows |
| `query_events`, `statements` | statements: transaction control, TRUNCATE |
| `definitions` | schema changes: what happens to which tables |
| `xa`, `branches` | XA branches, held back until they are decided |
| `file_events`, `cursor` | what only moves us on; where we are |

It never decodes a row and never does I/O, except that a large or forgotten XA branch is read again through the
`BranchReader` it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from cdc_agent.engines.mysql.visible import Received
from cdc_agent.errors import DecodeError, LogGone
from cdc_agent.model.changes import TableName, Transaction
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.assemble import Assembler, Report
from cdc_agent.sources.mysql import compression
from cdc_agent.sources.mysql.events import kinds
from cdc_agent.sources.mysql.events.reader import Event, EventReader
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids
from cdc_agent.sources.mysql.rows import Charsets, TableMaps
from cdc_agent.sources.mysql.stream.branches import Branches, BranchReader
from cdc_agent.sources.mysql.stream.cursor import Cursor, Gtid
from cdc_agent.sources.mysql.stream.file_events import FileEvents
from cdc_agent.sources.mysql.stream.handlers import Handler, Handlers
from cdc_agent.sources.mysql.stream.plain import PlainTransactions
from cdc_agent.sources.mysql.stream.query_events import QueryEvents
from cdc_agent.sources.mysql.stream.row_events import RowEvents
from cdc_agent.sources.mysql.stream.tables import KnownTables
from cdc_agent.sources.mysql.stream.transactions import Handover, Transactions
from cdc_agent.sources.mysql.stream.xa import XaEvents

__all__ = ["Stream"]

_NOT_OURS: Final = (
    kinds.INTVAR,
    kinds.RAND,
    kinds.USER_VAR,
    kinds.BEGIN_LOAD_QUERY,
    kinds.APPEND_BLOCK,
    kinds.DELETE_FILE,
    kinds.IGNORABLE,
    kinds.ROWS_QUERY,
    kinds.TRANSACTION_CONTEXT,
    kinds.VIEW_CHANGE,
    kinds.MARIADB_ANNOTATE_ROWS,
    kinds.MARIADB_START_ENCRYPTION,
)
"""Events that change no rows by themselves. What INTVAR, RAND, USER_VAR and the LOAD blocks prepare is a statement, and
the statement decides."""


class Stream:
    """Reads one source's log for one pipeline, from a position on. Used by the reader thread alone."""

    def __init__(
        self,
        emit: Callable[[Transaction], None],
        *,
        position: BinlogPosition,
        gtids: MysqlGtids | MariadbGtids | None,
        wanted: Callable[[TableName], bool],
        left_out: Collection[TableName] = (),
        target: str,
        maps: TableMaps,
        charsets: Charsets,
        branches: BranchReader,
        report: Report,
        lower_case: bool = False,
    ) -> None:
        """`gtids` is the set up to `position`, None when it is not known; `lower_case`: the server's names are.

        `left_out` are tables that are not wanted though a route would take them.
        """
        self._reader = EventReader()
        self._started = position
        self._cursor = cursor = Cursor(position, gtids)
        self._handover = Handover(emit)
        self._assembler = assembler = Assembler(self._handover.take, target=target, report=report)
        self._dispatch: list[Handler] = [self._unknown] * 256
        tables, held = KnownTables(maps, wanted, left_out, lower_case=lower_case), Branches()
        self._transactions = transactions = Transactions(cursor, assembler, self._handover, tables)
        self._plain = PlainTransactions(cursor, assembler, tables)
        xa = XaEvents(cursor, assembler, tables, transactions, held, branches, self._dispatch)
        rows = RowEvents(cursor, assembler, tables, transactions, held)
        queries = QueryEvents(cursor, assembler, tables, transactions, xa, charsets, report)
        own: Handlers = {
            **dict.fromkeys(_NOT_OURS, self._ignore),
            kinds.TRANSACTION_PAYLOAD: self._payload,
            kinds.INCIDENT: self._incident,
        }
        for part in (transactions, rows, queries, xa, FileEvents(cursor, tables, transactions)):
            own |= part.handlers()
        for kind, handler in own.items():
            self._dispatch[kind] = handler

    # --- what the source calls

    def feed(self, packets: Sequence[bytes]) -> bool:
        """Take packets that have an OK status byte; whether rows were handed over.

        Raises Fatal errors for what cannot be replicated.
        """
        read, plain, take, dispatch = self._reader.read, self._reader.plain, self._plain.take, self._dispatch
        transactions, handover = self._transactions, self._handover
        handover.rows = False
        at, count = 0, len(packets)
        while at < count:
            if not transactions.open and (found := plain(packets, at)) is not None and take(found):
                at += found.packets
                continue
            event = read(packets[at])
            dispatch[event.kind](event)
            at += 1
        return handover.rows

    def settle(self) -> None:
        """All that has arrived is fed: report how far the log was read, if nothing else has."""
        if not self._transactions.open and (reached := self._cursor.unreported()) is not None:
            self._assembler.idle(reached)

    @property
    def inside(self) -> bool:
        """Whether a transaction has begun that has not ended."""
        return self._transactions.open

    @property
    def boundary(self) -> BinlogPosition:
        """Where the last transaction ended, or what came behind it."""
        return self._cursor.position

    @property
    def received(self) -> Received:
        """How far the log was received: at least every transaction of which something was handed over, and those that
        the position covers from which it was started. Any thread.

        Each value is taken over at one go, and what has begun before what has ended.
        """
        begun, gtid = self._transactions.begun, self._transactions.gtid
        reached = self._cursor.reached or self._started
        place = (begun[0], begun[1] + 1)
        gtids = ",".join(filter(None, (reached.gtid, _text(gtid)))) if reached.gtid else ""
        return Received(gtids, max(place, reached.sequence))

    # --- events of no part

    def _payload(self, event: Event) -> None:
        """The events of a compressed transaction; they have no position of their own."""
        self._transactions.outer = event
        try:
            for inner in compression.payload(event.body):
                self._dispatch[inner.kind](inner)
        finally:
            self._transactions.outer = None

    def _ignore(self, event: Event) -> None:
        pass

    def _incident(self, event: Event) -> None:
        raise LogGone(f"the server logged an incident before {self._cursor.place}: changes may be missing from its log")

    def _unknown(self, event: Event) -> None:
        if not event.flags & kinds.IGNORABLE_FLAG:
            raise DecodeError(f"event type {event.kind} before {self._cursor.place} is not known to this version")


def _text(gtid: Gtid | None) -> str:
    """As MySQL writes it; '' for none. MariaDB is asked by places."""
    return "" if gtid is None else f"{gtid[0]}:{gtid[-1]}"
