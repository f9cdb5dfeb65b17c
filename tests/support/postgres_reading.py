"""Runs a `PostgresSource` in a thread of its own, as the pipeline does, and keeps what it emits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from cdc_agent.config.model import Database as Settings
from cdc_agent.model.changes import Change, Rows, Table, TableName, Transaction
from cdc_agent.model.positions import Lsn
from cdc_agent.sources.postgres import setup
from cdc_agent.sources.postgres.source import PostgresSource
from tests.support.servers import Database
from tests.support.waiting import wait_until

TARGET = "far"


class Reading:
    """One slot of one database, read again and again: `start` … `stop`, from any position."""

    def __init__(self, database: Database, tables: Sequence[TableName], *, url: str | None = None) -> None:
        self.database = database
        self.tables = list(tables)
        self.settings = Settings(url=url or database.url())
        self.slot = database.name
        self.publication = "news"
        self.emitted: list[Transaction] = []
        self.reports: list[tuple[str, TableName]] = []
        self.error: BaseException | None = None
        self.hold = threading.Event()
        """While clear, `emit` waits and calls keepalive, as for a full queue."""
        self.hold.set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._from = Lsn(0)
        self.source = self._new_source()

    def _new_source(self) -> PostgresSource:
        return PostgresSource(
            self.settings,
            name="near",
            target=TARGET,
            pipeline="near-to-far",
            slot=self.slot,
            publication=self.publication,
            report=lambda event, table: self.reports.append((event, table)),
        )

    def prepare(self) -> Lsn:
        """Create publication and slot."""
        return setup.prepare(self.settings, slot=self.slot, publication=self.publication, tables=self.tables).position

    def start(self, position: Lsn, wanted: Callable[[TableName], bool] | None = None) -> None:
        self.source.close()
        self.source = self._new_source()
        self.emitted, self.error = [], None
        self._from = position
        self._stop.clear()
        self.source.start(position, wanted or self.tables.__contains__)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            self.source.read(self._emit, self._stop.is_set)
        except BaseException as error:  # noqa: BLE001 - the test thread looks at it
            self.error = error

    def _emit(self, transaction: Transaction) -> None:
        while not self.hold.wait(0.5):
            self.source.keepalive()
        self.emitted.append(transaction)

    def stop(self) -> None:
        """End the reader and its connections."""
        self._stop.set()
        self.hold.set()
        if self._thread is not None:
            self._thread.join(10)
            assert not self._thread.is_alive()
        self.source.close()

    def catch_up(self) -> list[Transaction]:
        """Everything that has been committed until now was emitted: all that was, idle positions left out."""
        goal = self.source.current_position()
        wait_until(lambda: self.position() >= goal, what=f"the reader gets to {goal}")
        return [transaction for transaction in self.emitted if not transaction.idle]

    def position(self) -> Lsn:
        """How far the log was read: the last position emitted, at first the one that was started from."""
        if self.error is not None:
            raise self.error
        positions = [t.position for t in list(self.emitted) if isinstance(t.position, Lsn)]
        return positions[-1] if positions else self._from

    def changes(self) -> list[Change]:
        """The decoded changes of everything committed until now."""
        return [change for transaction in self.catch_up() for change in changes_of(transaction)]

    def tables_seen(self) -> list[Table]:
        """The table of each run of rows, in order."""
        return [
            piece.table for transaction in self.catch_up() for piece in transaction.pieces if isinstance(piece, Rows)
        ]

    def failure(self, timeout: float = 30.0) -> BaseException:
        """The error that ended the reader."""
        return wait_until(lambda: self.error, timeout=timeout, what="the reader ends with an error")

    def sql(self, text: str, parameters: object = None) -> list[tuple[Any, ...]]:
        return self.database.run(text, parameters)


def changes_of(transaction: Transaction) -> list[Change]:
    rows = [piece for piece in transaction.pieces if isinstance(piece, Rows)]
    return [change for piece in rows for change in piece.table.decode(piece.messages)]
