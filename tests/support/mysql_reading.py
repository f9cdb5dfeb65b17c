"""Runs a `MysqlSource` in a thread of its own, as the pipeline does, and keeps what it emits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from cdc_agent.config.model import Database as Settings
from cdc_agent.model.changes import Change, Rows, TableName, Transaction
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql.source import MysqlSource
from tests.support.servers import Database
from tests.support.waiting import wait_until

TARGET = "far"


class Reading:
    """The log of one server, as far as it concerns one database: `start` … `stop`, from any position."""

    def __init__(self, database: Database, *, pipeline: str | None = None) -> None:
        self.database = database
        self.settings = Settings(url=database.url())
        self.pipeline = pipeline or database.name
        self.emitted: list[Transaction] = []
        self.reports: list[tuple[str, TableName]] = []
        self.error: BaseException | None = None
        self.hold = threading.Event()
        """While clear, `emit` waits and calls keepalive, as for a full queue."""
        self.hold.set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._from = BinlogPosition("none.000000", 0)
        self.source = self._new_source()

    def _new_source(self) -> MysqlSource:
        return MysqlSource(
            self.settings,
            name="near",
            target=TARGET,
            pipeline=self.pipeline,
            report=lambda event, table: self.reports.append((event, table)),
        )

    def wanted(self, table: TableName) -> bool:
        return table[0] == self.database.name and not table[1].startswith("unwanted")

    def start(self, position: BinlogPosition, wanted: Callable[[TableName], bool] | None = None) -> None:
        self.source.close()
        self.source = self._new_source()
        self.emitted, self.error = [], None
        self._from = position
        self._stop = threading.Event()
        self.source.start(position, wanted or self.wanted)
        self._thread = threading.Thread(target=self._read, args=(self.source, self._stop), daemon=True)
        self._thread.start()

    def _read(self, source: MysqlSource, stop: threading.Event) -> None:
        try:
            source.read(self._emit, stop.is_set)
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

    def now(self) -> BinlogPosition:
        return self.source.current_position()

    def catch_up(self) -> list[Transaction]:
        """Everything that has been committed until now was emitted: what of it changes this database."""
        goal = self.now()
        wait_until(lambda: self.position().sequence >= goal.sequence, what=f"the reader gets to {goal}")
        return [transaction for transaction in self.emitted if transaction.pieces]

    def position(self) -> BinlogPosition:
        """How far the log was read: the last position emitted, at first the one that was started from."""
        if self.error is not None:
            raise self.error
        positions = [t.position for t in list(self.emitted) if isinstance(t.position, BinlogPosition)]
        return positions[-1] if positions else self._from

    def changes(self) -> list[Change]:
        """The decoded changes of everything committed until now."""
        return [change for transaction in self.catch_up() for change in changes_of(transaction)]

    def failure(self, timeout: float = 30.0) -> BaseException:
        """The error that ended the reader."""
        return wait_until(lambda: self.error, timeout=timeout, what="the reader ends with an error")


@contextmanager
def running(reading: Reading, position: BinlogPosition):
    """The reading, started there and stopped at the end."""
    reading.start(position)
    try:
        yield reading
    finally:
        reading.stop()


def changes_of(transaction: Transaction) -> list[Change]:
    rows = [piece for piece in transaction.pieces if isinstance(piece, Rows)]
    return [change for piece in rows for change in piece.table.decode(piece.messages)]


def keys(changes: list[Change]) -> list[int]:
    """The first column of each change's new row, or of its old one when it is a delete."""
    return [int((new or old)[0]) for _, old, new in changes]  # type: ignore[arg-type, index]


def session(database: Database) -> Callable[..., list[tuple[Any, ...]]]:
    """A function that runs one statement in a session that lasts until the garbage collector ends it."""
    connection = database.connect()

    def run(sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    run.connection = connection  # type: ignore[attr-defined]
    return run
