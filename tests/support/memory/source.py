"""The reading end of a pipeline on a `MemoryLog`: `sources.base.Source` as its docstrings say.

Transactions go through the real `Assembler`: echoes are dropped and large transactions come in parts as they do on
every engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cdc_agent.errors import LogGone, LogUnusable, NotYetVisible, SourceUnavailable
from cdc_agent.model.changes import Table, TableName, Truncate
from cdc_agent.model.echo import path_text
from cdc_agent.model.positions import Position
from cdc_agent.model.tables import ForeignKey
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.sources.assemble import PART_BYTES, Assembler, Report
from cdc_agent.sources.base import Emit, ServerIdentity
from tests.support.memory.log import Entry, Mark, MemoryLog, RowChange

Patience = Callable[[], None]
"""Waits a little, or until the log has grown."""


def impatient() -> None:
    """Where nobody else runs, waiting is of no use."""


class MemorySource:
    def __init__(
        self,
        log: MemoryLog,
        *,
        target: str,
        report: Report,
        part_bytes: int = PART_BYTES,
        patience: Patience = impatient,
    ) -> None:
        self.log = log
        self._target = target
        self._report = report
        self._part_bytes = part_bytes
        self._patience = patience
        self._wanted: Callable[[TableName], bool] = lambda name: False
        self._next = 0
        self._told = 0
        self._handed = 0
        """Where the last transaction ends of which something was handed over."""
        self._acknowledged = 0
        self.connected = False
        self._closed = False

    def identity(self) -> ServerIdentity:
        return ServerIdentity(self.log.engine, "1", "memory")

    def current_position(self) -> Position:
        return self.log.position(self.log.end)

    @property
    def logs_keys(self) -> bool:
        return not self.log.unlogged

    def unlogged_keys(self, wanted: Callable[[TableName], bool]) -> Sequence[tuple[TableName, ForeignKey]]:
        return self.log.unlogged

    def start(self, position: Position, wanted: Callable[[TableName], bool]) -> None:
        place = self.log.place(position)
        if place < self.log.confirmed:
            raise LogGone(f"the log begins at {self.log.confirmed}, which is behind {place}")
        if place > self.log.end:
            raise LogGone(f"the log ends at {self.log.end}, which is before {place}")
        self._wanted = wanted
        self._next = self.log.after(place)
        self._told = self._handed = self._acknowledged = place
        self.connected = True

    def read(self, emit: Emit, stop: Callable[[], bool]) -> None:
        assembler = Assembler(emit, target=self._target, report=self._report, part_bytes=self._part_bytes)
        try:
            self._read(assembler, stop)
        except SourceUnavailable:
            if not self._closed:
                raise

    def _read(self, assembler: Assembler, stop: Callable[[], bool]) -> None:
        while not stop():
            self.live()
            self._confirm()
            if self._next < len(self.log.entries):
                entry = self.log.entries[self._next]
                self._next += 1
                self._hand_over(assembler, entry)
            elif self._told < self.log.end:
                self._told = self.log.end
                assembler.idle(self.log.position(self._told))
            else:
                self._patience()

    def _hand_over(self, assembler: Assembler, entry: Entry) -> None:
        assembler.begin()
        self._handed = entry.end
        savepoint = assembler.savepoint()
        if entry.path is not None:
            assembler.message(path_text(entry.path).encode())
        for change in entry.changes:
            self.live()
            if isinstance(change, RowChange):
                if self._wanted(change.table.full_name):
                    assembler.rows(change.table, change.message)
                else:
                    assembler.skipped()
            elif change is Mark.SAVEPOINT:
                savepoint = assembler.savepoint()
            elif change is Mark.ROLLBACK_TO:
                if not assembler.rollback_to(savepoint):
                    raise LogUnusable("more was taken back than memory holds")
            else:
                wanted = tuple(name for name in change.tables if self._wanted(name))
                if wanted:
                    assembler.truncate(Truncate(wanted))
                else:
                    assembler.skipped()
        self._told = entry.end
        assembler.commit(self.log.position(entry.end), entry.commit_time)

    def live(self) -> None:
        """Raises SourceUnavailable when there is no connection."""
        if not self.connected:
            raise SourceUnavailable("there is no connection")

    def _confirm(self) -> None:
        if self._acknowledged > self.log.confirmed:
            self.log.confirmed = self._acknowledged

    def keepalive(self) -> None:
        self._confirm()

    def acknowledge(self, position: Position) -> None:
        self._acknowledged = max(self._acknowledged, self.log.place(position))

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        self.settle()
        wanted = tuple(key[table.columns[i].name] for i in table.key)
        row = self.log.shown(table.full_name).get(wanted)
        return None if row is None else tuple([row.get(column.name, UNSENT) for column in table.columns])

    def settle(self) -> None:
        handed = self._handed
        while self.log.seen_up_to() < handed:
            if self._closed:
                raise NotYetVisible("the source was closed before all was visible")
            self._patience()

    def close(self) -> None:
        self._closed = True
        self.connected = False
