"""The events that move us through the log's files without holding a transaction: beginnings of files, heartbeats.

In: ROTATE, format descriptions, lists of GTIDs, heartbeats. Out: the cursor, moved. A file that begins while a
transaction is open says that the server crashed inside it.
"""

from __future__ import annotations

from cdc_agent.sources.mysql.events import files, kinds
from cdc_agent.sources.mysql.events.reader import Event
from cdc_agent.sources.mysql.gtid import MysqlGtids
from cdc_agent.sources.mysql.stream.cursor import Cursor
from cdc_agent.sources.mysql.stream.handlers import Handlers
from cdc_agent.sources.mysql.stream.tables import KnownTables
from cdc_agent.sources.mysql.stream.transactions import Transactions


class FileEvents:
    """The handlers of what stands between transactions."""

    def __init__(self, cursor: Cursor, tables: KnownTables, transactions: Transactions) -> None:
        self._cursor = cursor
        self._tables = tables
        self._transactions = transactions

    def handlers(self) -> Handlers:
        return {
            kinds.ROTATE: self._rotate,
            kinds.FORMAT_DESCRIPTION: self._format_description,
            kinds.STOP: self._passed,
            kinds.PREVIOUS_GTIDS: self._previous_gtids,
            kinds.MARIADB_GTID_LIST: self._passed,
            kinds.MARIADB_BINLOG_CHECKPOINT: self._passed,
            kinds.HEARTBEAT: self._heartbeat,
            kinds.HEARTBEAT_V2: self._heartbeat,
        }

    def _rotate(self, event: Event) -> None:
        file, offset = files.rotation(event.body)
        if file != self._cursor.file:
            self._transactions.break_off()
            self._tables.forget()
            self._cursor.turn_to(file, offset)

    def _format_description(self, event: Event) -> None:
        self._transactions.break_off()
        self._passed(event)

    def _passed(self, event: Event) -> None:
        self._cursor.pass_over(event)

    def _previous_gtids(self, event: Event) -> None:
        """A file that we read from its start says what came before it: from here on positions have GTIDs."""
        if not self._cursor.has_gtids and self._cursor.end(event.end) > self._cursor.offset:
            self._cursor.learn(MysqlGtids.decode(event.body))
        self._passed(event)

    def _heartbeat(self, event: Event) -> None:
        file, offset = files.heartbeat(event)
        if file != self._cursor.file or self._transactions.open:
            return
        self._cursor.go_on(offset if event.kind == kinds.HEARTBEAT_V2 else self._cursor.end(offset))
