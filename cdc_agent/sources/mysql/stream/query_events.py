"""QUERY events: what the statements in the log do to the transaction that is being read.

In: QUERY events, compressed ones and those of LOAD DATA among them; `statements` says what each is. Out: calls of the
assembler, which is told what happens to tables as well. Stops loudly at row changes of wanted tables that were logged
as a statement: these rows are not in the log. BEGIN and COMMIT are told by their bytes alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cdc_agent.errors import DecodeError, LogUnusable
from cdc_agent.model.changes import Alteration, EventKind, TableName, Truncate
from cdc_agent.sources.assemble import Assembler, Report
from cdc_agent.sources.mysql import compression
from cdc_agent.sources.mysql.events import kinds, queries
from cdc_agent.sources.mysql.events.reader import Event
from cdc_agent.sources.mysql.rows import Charsets
from cdc_agent.sources.mysql.stream import statements
from cdc_agent.sources.mysql.stream.cursor import Cursor
from cdc_agent.sources.mysql.stream.handlers import Handlers
from cdc_agent.sources.mysql.stream.tables import KnownTables
from cdc_agent.sources.mysql.stream.transactions import Transactions
from cdc_agent.sources.mysql.stream.xa import XaEvents

_VERSIONING: Final = Alteration("ADD SYSTEM VERSIONING")
VERSIONED_HINT: Final = (
    "exclude it, or ALTER TABLE … DROP SYSTEM VERSIONING; then run teardown, copy the rows again, and run setup: the "
    "log of such a table does not tell history from rows"
)
STATEMENT_HINT: Final = (
    "the session that wrote it did not use binlog_format = ROW; forbid that (remove the right to set it), then run "
    "teardown, copy the rows again, and run setup for this pipeline, since these rows are not in the log"
)


class QueryEvents:
    """The handlers of what holds a statement."""

    def __init__(
        self,
        cursor: Cursor,
        assembler: Assembler,
        tables: KnownTables,
        transactions: Transactions,
        xa: XaEvents,
        charsets: Charsets,
        report: Report,
    ) -> None:
        self._report = report
        self._cursor = cursor
        self._assembler = assembler
        self._tables = tables
        self._transactions = transactions
        self._xa = xa
        self._charsets = charsets

    def handlers(self) -> Handlers:
        return {
            kinds.QUERY: self._query,
            kinds.MARIADB_QUERY_COMPRESSED: self._compressed,
            kinds.EXECUTE_LOAD_QUERY: self._load,
        }

    def _query(self, event: Event) -> None:
        text = queries.query_text(event.body)
        if text == b"BEGIN":
            if not self._transactions.open:
                self._transactions.begin(event)
            self._transactions.explicit = True
        elif text == b"COMMIT":
            self._transactions.commit(event)
        else:
            self._statement(event, queries.query(event.body))

    def _compressed(self, event: Event) -> None:
        self._transactions.outer = event
        try:
            self._query(event._replace(body=compression.decompressed_query(event.body)))
        finally:
            self._transactions.outer = None

    def _load(self, event: Event) -> None:
        self._statement(event, queries.query(event.body, load=True))

    def _statement(self, event: Event, query: queries.Query) -> None:
        if not self._transactions.open:
            self._transactions.begin(event)
        if query.text.startswith(b"# Dum"):
            raise DecodeError(f"the server replaced an event that it takes us not to know, before {self._cursor.place}")
        text = self._decoded(query)
        statement = statements.read(text, query.schema, query.sql_mode)
        match statement:
            case statements.Control():
                self._control(event, statement)
                return
            case statements.Xa():
                self._xa.statement(event, statement)
                return
            case statements.Truncation(table):
                self._truncation(self._tables.cased(table))
            case statements.RowStatement():
                self._row_statement(statement)
            case statements.SchemaChange():
                self._schema_change(statement, query, text)
        if not self._transactions.explicit:
            self._transactions.commit(event)

    def _decoded(self, query: queries.Query) -> str:
        text = query.text
        decode = None
        if query.collation is not None and not text.isascii():
            decode = self._charsets.decoder(self._charsets.collation(query.collation).charset)
        try:
            return (decode(text) if decode else text).decode("utf-8", "surrogateescape")
        except DecodeError:  # raw bytes in a literal: what names tables is read as far as it is text
            return text.decode("utf-8", "surrogateescape")

    def _control(self, event: Event, control: statements.Control) -> None:
        transactions = self._transactions
        match control.verb:
            case "BEGIN":
                transactions.explicit = True
            case "COMMIT":
                transactions.commit(event)
            case "SAVEPOINT" | "ROLLBACK TO" if transactions.branch is not None:
                self._xa.hold(transactions.branch, event)
            case "SAVEPOINT":
                transactions.savepoint(control.savepoint)
            case "ROLLBACK TO":
                transactions.roll_back_to(control.savepoint)
            case _:
                transactions.roll_back(event)

    def _truncation(self, table: TableName) -> None:
        if self._tables.wanted(table):
            self._assembler.truncate(Truncate((table,)))
        else:
            self._assembler.skipped()

    def _row_statement(self, statement: statements.RowStatement) -> None:
        tables = None if statement.tables is None else [self._tables.cased(table) for table in statement.tables]
        touched = [table for table in tables or () if self._tables.wanted(table)]
        if tables is None or touched:
            names = ", ".join(f"{schema}.{name}" for schema, name in touched) or "tables that cannot be told"
            raise LogUnusable(
                f"row changes of {names} were logged as a statement ({statement.verb}) before {self._cursor.place}",
                hint=STATEMENT_HINT,
            )
        self._assembler.skipped()

    def _schema_change(self, change: statements.SchemaChange, query: queries.Query, text: str) -> None:
        self._assembler.skipped()
        for event in change.events:
            table, other = self._tables.cased(event.table), event.other and self._tables.cased(event.other)
            if self._tables.wanted(table) if table[1] else table[0] in self._tables.schemas:
                if _VERSIONING in event.alterations:
                    self._versioned(event.kind, table)
                    continue
                keys = event.keys and tuple(
                    replace(key, references=self._tables.cased(key.references)) for key in event.keys
                )
                found = replace(event, table=table, other=other, keys=keys, statement=text, schema=query.schema)
                self._assembler.happened(found)

    def _versioned(self, kind: EventKind, table: TableName) -> None:
        """A new system-versioned table is left out; one that was followed cannot be any more."""
        if kind is not EventKind.CREATED:
            raise LogUnusable(
                f"{'.'.join(table)} became system-versioned before {self._cursor.place}", hint=VERSIONED_HINT
            )
        self._tables.leave_out(table)
        self._report("table_left_out", table)
