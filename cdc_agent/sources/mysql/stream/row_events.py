"""Table maps and row events: which table's rows they are, and where these go.

In: TABLE_MAP and row events, MariaDB's compressed ones among them. Out: row messages, undecoded, for the assembler; or
held back with their XA branch. Rows of unwanted tables only count as a change. Never decodes a row.
"""

from __future__ import annotations

from typing import Final

from cdc_agent.errors import DecodeError
from cdc_agent.model.changes import Table
from cdc_agent.sources.assemble import Assembler
from cdc_agent.sources.mysql import compression
from cdc_agent.sources.mysql.events import kinds
from cdc_agent.sources.mysql.events.reader import Event
from cdc_agent.sources.mysql.stream.branches import Branches
from cdc_agent.sources.mysql.stream.cursor import Cursor
from cdc_agent.sources.mysql.stream.handlers import Handlers
from cdc_agent.sources.mysql.stream.plain import PREFIXES
from cdc_agent.sources.mysql.stream.tables import OWN, KnownTables
from cdc_agent.sources.mysql.stream.transactions import Transactions

_MOST_HELD: Final = 1024 * 1024
"""Bytes of what foreign keys did that wait for their cause."""
_NO_TABLE: Final = 0xFFFFFF
"""The table id of a row event that holds no rows and only ends a statement."""


class RowEvents:
    """The handlers of what holds rows."""

    __slots__ = (
        "_assembler", "_branches", "_cascaded", "_cursor", "_held", "_ids", "_known", "_tables", "_transactions",
    )  # fmt: skip

    def __init__(
        self,
        cursor: Cursor,
        assembler: Assembler,
        tables: KnownTables,
        transactions: Transactions,
        branches: Branches,
    ) -> None:
        self._cursor = cursor
        self._assembler = assembler
        self._tables = tables
        self._known, self._ids = tables.by_map, tables.by_id
        self._transactions = transactions
        self._branches = branches
        self._cascaded: list[tuple[Table, bytes]] = []
        """What foreign keys did in the statement that is being read, until its cause is there."""
        self._held = 0
        """Its bytes."""

    def handlers(self) -> Handlers:
        return {
            kinds.TABLE_MAP: self._table_map,
            **dict.fromkeys(kinds.ROWS, self._rows),
            **dict.fromkeys(kinds.MARIADB_ROWS_COMPRESSED, self._compressed),
        }

    def _table_map(self, event: Event) -> None:
        body = event.body
        if self._cascaded:
            self._cascaded, self._held = [], 0
        known = self._known.get(body)
        if known is None:
            known = self._tables.define(body)
        table_id, use, table = known
        self._ids[table_id] = (use, table)
        branch = self._transactions.branch
        if branch is not None and use:
            self._branches.hold(branch, kinds.TABLE_MAP, body)

    def _rows(self, event: Event) -> None:
        body = event.body
        table_id = int.from_bytes(body[:6], "little")
        found = self._ids.get(table_id)
        if found is None:
            self._without_table(table_id)
            return
        use, table = found
        branch = self._transactions.branch
        if table is None:
            self._assembler.skipped()
            if self._cascaded and not _is_cascaded(body):
                self._let_go()
        elif branch is not None:
            self._branches.hold(branch, event.kind, body)
        elif use == OWN:
            self._assembler.own(table, PREFIXES[event.kind] + body)
        elif self._assembler.dropping:
            self._assembler.skipped()
        elif body[6] & kinds.KEYS_FLAGS or self._cascaded:
            self._with_keys(event, self._tables.without_keys(table))
        else:
            self._assembler.rows(table, PREFIXES[event.kind] + body)

    def _with_keys(self, event: Event, table: Table) -> None:
        """What a foreign key did to children that it moved stands in front of the parent's row that had it do so.

        No key that is checked takes it so: the parent goes first. More than memory should hold stays as it is.
        """
        message = PREFIXES[event.kind] + event.body
        if _is_cascaded(event.body) and event.kind in kinds.UPDATES and self._held < _MOST_HELD:
            self._cascaded.append((table, message))
            self._held += len(message)
            return
        if event.kind in kinds.UPDATES and not event.body[6] & kinds.KEYS_OFF_FLAG:
            self._assembler.rows(table, message)
            self._let_go()
        else:
            self._let_go()
            self._assembler.rows(table, message)

    def _let_go(self) -> None:
        """Hand over what waited."""
        held, self._cascaded, self._held = self._cascaded, [], 0
        for one in held:
            self._assembler.rows(*one)

    def _without_table(self, table_id: int) -> None:
        if table_id != _NO_TABLE:
            raise DecodeError(f"rows for table id {table_id} came without a table map before {self._cursor.place}")

    def _compressed(self, event: Event) -> None:
        kind, body = compression.decompressed_rows(event.kind, event.body)
        self._rows(event._replace(kind=kind, body=body))


def _is_cascaded(body: bytes) -> bool:
    """Whether a foreign key did it; the same is said of all that a session does with foreign keys switched off, but for
    the last event of a statement.
    """
    flags = body[6]
    return flags & kinds.KEYS_FLAGS == kinds.KEYS_FLAGS and not flags & kinds.STATEMENT_END_FLAG
