"""Runs a source in a thread of its own, as the pipeline does, and keeps what it emits."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from cdc_agent.model.changes import Change, Rows, TableName, Transaction
from cdc_agent.model.positions import Position
from cdc_agent.sources.base import Source
from tests.support.waiting import wait_until

STOP_SECONDS = 60
TARGET = "far"
"""The name of the other database: what comes from there is an echo."""


class Reading(ABC):
    """The log of one database, read again and again: `start` … `stop`, from any position."""

    def __init__(self, beginning: Position) -> None:
        self.emitted: list[Transaction] = []
        self.reports: list[tuple[str, TableName]] = []
        self.error: BaseException | None = None
        self.hold = threading.Event()
        """While clear, `emit` waits and calls keepalive, as for a full queue."""
        self.hold.set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._from = beginning
        self.source = self._new_source()

    @abstractmethod
    def _new_source(self) -> Source:
        """One that was never started."""

    @abstractmethod
    def wanted(self, table: TableName) -> bool:
        """Whether a route takes the table, unless `start` is told otherwise."""

    def report(self, event: str, table: TableName) -> None:
        self.reports.append((event, table))

    def start(self, position: Position, wanted: Callable[[TableName], bool] | None = None) -> None:
        self.source.close()
        self.source = self._new_source()
        self.emitted, self.error = [], None
        self._from = position
        self._stop = threading.Event()
        self.source.start(position, wanted or self.wanted)
        self._thread = threading.Thread(target=self._read, args=(self.source, self._stop), daemon=True)
        self._thread.start()

    def _read(self, source: Source, stop: threading.Event) -> None:
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
        self.wait_for_end()
        self.source.close()

    def wait_for_end(self) -> None:
        """The reader's thread is gone."""
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
            assert not self._thread.is_alive(), "the reader does not end"

    def until_now(self) -> list[Transaction]:
        """Whatever was committed until now was emitted: everything that was."""
        goal = self.source.current_position()
        wait_until(lambda: self.position().reached(goal), what=f"the reader gets to {goal}")
        return list(self.emitted)

    def catch_up(self) -> list[Transaction]:
        """The same, without what a kind of source leaves out."""
        return self.until_now()

    def position(self) -> Position:
        """How far the log was read: the last position emitted, at first the one that was started from."""
        if self.error is not None:
            raise self.error
        positions = [t.position for t in list(self.emitted) if t.position is not None]
        return positions[-1] if positions else self._from

    def changes(self) -> list[Change]:
        """The decoded changes of everything committed until now."""
        return [change for transaction in self.catch_up() for change in changes_of(transaction)]

    def failure(self, timeout: float = 60.0) -> BaseException:
        """The error that ended the reader."""
        return wait_until(lambda: self.error, timeout=timeout, what="the reader ends with an error")


def changes_of(transaction: Transaction) -> list[Change]:
    rows = [piece for piece in transaction.pieces if isinstance(piece, Rows)]
    return [change for piece in rows for change in piece.table.decode(piece.messages)]


def keys(changes: list[Change]) -> list[int]:
    """The first column of each change's new row, or of its old one when it is a delete."""
    return [int((new or old)[0]) for _, old, new in changes]  # type: ignore[arg-type, index]
