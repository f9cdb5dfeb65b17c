"""The ends of a pipeline with a failpoint around each call; put there only when `CDC_FAILPOINT` is set.

One class for each protocol. Never changes what passes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cdc_agent.errors import RowRefused
from cdc_agent.failpoints import around
from cdc_agent.model.changes import Table, TableName, Transaction
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.positions import Position
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note
from cdc_agent.model.steps import Step
from cdc_agent.model.tables import ForeignKey, TargetTable
from cdc_agent.model.values import Row, Value
from cdc_agent.sources.base import Emit, ServerIdentity, Source
from cdc_agent.targets.base import Missing, Target


class FailingTarget:
    """Implements `targets.base.Target` around another one."""

    def __init__(self, inner: Target) -> None:
        self._inner = inner

    def connect(self) -> None:
        with around("target.connect"):
            self._inner.connect()

    def unsure(self) -> str | None:
        return self._inner.unsure()

    def describe(self, schema: str, name: str) -> TargetTable | None:
        with around("target.describe"):
            return self._inner.describe(schema, name)

    def foresee(self, names: Sequence[TableName]) -> None:
        with around("target.foresee"):
            self._inner.foresee(names)

    def forget(self) -> None:
        self._inner.forget()

    def checkpoint(self, pipeline: str, *, settled: bool = False) -> Checkpoint | None:
        if not settled:
            return self._inner.checkpoint(pipeline)
        with around("target.claim"):
            return self._inner.checkpoint(pipeline, settled=True)

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        with around("target.take_over"):
            return self._inner.take_over(pipeline, host)

    def begin(self, checkpoint: Checkpoint) -> None:
        with around("target.begin"):
            self._inner.begin(checkpoint)

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        with around("target.apply"):
            self._inner.apply(steps, missing)

    def attempt(self, steps: Sequence[Step], missing: Missing) -> RowRefused | None:
        with around("target.attempt"):
            return self._inner.attempt(steps, missing)

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        with around("target.quarantine"):
            self._inner.quarantine(pipeline, entries)

    def recall(self, pipeline: str) -> Memory:
        with around("target.recall"):
            return self._inner.recall(pipeline)

    def remember(self, pipeline: str, notes: Sequence[Note]) -> None:
        with around("target.remember"):
            self._inner.remember(pipeline, notes)

    def alter(self, statement: str) -> None:
        with around("target.alter"):
            self._inner.alter(statement)

    def finish(self, checkpoint: Checkpoint) -> None:
        with around("target.finish"):
            self._inner.finish(checkpoint)

    def commit(self, history: Checkpoint | None = None) -> None:
        with around("target.commit"):
            self._inner.commit(history)

    def rollback(self) -> None:
        self._inner.rollback()

    def close(self) -> None:
        self._inner.close()


class FailingSource:
    """Implements `sources.base.Source` around another one."""

    def __init__(self, inner: Source) -> None:
        self._inner = inner

    def identity(self) -> ServerIdentity:
        with around("source.identity"):
            return self._inner.identity()

    def current_position(self) -> Position:
        with around("source.current_position"):
            return self._inner.current_position()

    @property
    def logs_keys(self) -> bool:
        return self._inner.logs_keys

    def unlogged_keys(self, wanted: Callable[[TableName], bool]) -> Sequence[tuple[TableName, ForeignKey]]:
        with around("source.unlogged_keys"):
            return self._inner.unlogged_keys(wanted)

    def start(self, position: Position, wanted: Callable[[TableName], bool]) -> None:
        with around("source.start"):
            self._inner.start(position, wanted)

    def read(self, emit: Emit, stop: Callable[[], bool]) -> None:
        def emitted(transaction: Transaction) -> None:
            with around("source.emit"):
                emit(transaction)

        with around("source.read"):
            self._inner.read(emitted, stop)

    def keepalive(self) -> None:
        self._inner.keepalive()

    def acknowledge(self, position: Position) -> None:
        with around("source.acknowledge"):
            self._inner.acknowledge(position)

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        with around("source.reread"):
            return self._inner.reread(table, key)

    def settle(self) -> None:
        self._inner.settle()

    def close(self) -> None:
        self._inner.close()
