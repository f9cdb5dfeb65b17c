"""The writing end of a pipeline on a `MemoryDatabase`: `targets.base.Target` as its docstrings say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from cdc_agent.errors import NotSetUp, OutcomeUnknown, RowRefused, TargetUnavailable, TransactionAborted
from cdc_agent.model.changes import TableName
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note
from cdc_agent.model.steps import Cascade, Clear, Ordered, Removes, Step, Updates, Upserts
from cdc_agent.model.tables import TargetTable, where_keys_act
from cdc_agent.model.values import UNSENT, Row
from cdc_agent.model.writes import REMOVE, UPSERT, Binding, Write
from cdc_agent.store.tables import taken_over
from cdc_agent.targets.base import Missing
from cdc_agent.targets.cascades import expand
from tests.support.memory.database import MemoryDatabase, Refusal, Session

LOCK_SECONDS = 5.0

Patience = Callable[[MemoryDatabase], bool]
"""Waits until the lock on `checkpoint` is given up; False when that took too long."""


def patient(database: MemoryDatabase) -> bool:
    """As long as a server's lock timeout would be in a test."""
    with database.released:
        return database.holder is None or database.released.wait(LOCK_SECONDS)


class MemoryTarget:
    """`lazy` sends the compare-and-set with what follows it, as PostgreSQL's target does."""

    def __init__(
        self,
        database: MemoryDatabase,
        *,
        random: Random | None = None,
        patience: Patience = patient,
        lazy: bool = False,
    ) -> None:
        self.database = database
        self.session: Session | None = None
        self._random = random
        self._patience = patience
        self._lazy = lazy
        self._begun: Checkpoint | None = None
        self._failed = False
        self._described: dict[tuple[str, str], TargetTable | None] = {}

    def connect(self) -> None:
        self.close()
        self.session = Session(self.database)
        self._described = {}

    def unsure(self) -> str | None:
        return None

    def describe(self, schema: str, name: str) -> TargetTable | None:
        self._live()
        if (schema, name) not in self._described:
            table = self.database.tables.get((schema, name))
            self._described[schema, name] = None if table is None else self._seen(table.definition)
        return self._described[schema, name]

    def _seen(self, table: TargetTable) -> TargetTable:
        return where_keys_act(table, self.database.acted_on()) if self.database.foreign_keys else table

    def foresee(self, names: Sequence[TableName]) -> None:
        for name in names:
            self.describe(*name)

    def forget(self) -> None:
        self._described = {}

    # --- checkpoint

    def checkpoint(self, pipeline: str, *, settled: bool = False) -> Checkpoint | None:
        session = self._lock() if settled else self._live()
        found = self.database.checkpoints.get(pipeline)
        session.rollback()
        return found

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        session = self._lock()
        found = self.database.checkpoints.get(pipeline)
        if found is None:
            session.rollback()
            raise NotSetUp(f"there is no checkpoint for pipeline {pipeline}")
        taken = replace(found, generation=found.generation + 1, host=host)
        session.checkpoint = taken
        session.commit()
        return taken

    def _lock(self) -> Session:
        """The session, once it holds the lock."""
        session = self._live()
        while not session.lock():
            if not self._patience(self.database):
                raise TransactionAborted("a lock was not given up in time")
            session = self._live()
        return session

    # --- transaction

    def begin(self, checkpoint: Checkpoint) -> None:
        self._live()
        self._failed = False
        self._begun = checkpoint
        if not self._lazy:
            self.settle()

    def settle(self) -> Session:
        """Send what `begin` left. Raises TakenOver."""
        session = self._live()
        if self._failed:
            raise TransactionAborted("the transaction has failed before")
        checkpoint, self._begun = self._begun, None
        if checkpoint is not None:
            session = self._lock()
            found = self.database.checkpoints.get(checkpoint.pipeline)
            if found is None or found.generation != checkpoint.generation:
                session.rollback()
                holder = None if found is None else Holder(found.generation, found.host)
                raise taken_over(checkpoint.pipeline, checkpoint.generation, holder)
            session.checkpoint = checkpoint
        assert session.open, "nothing was begun"
        return session

    def fail(self) -> None:
        """The server has given the transaction up: nothing but `rollback` is taken."""
        self._begun, self._failed = None, True

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        session = self.settle()
        try:
            self._steps(session, steps, missing)
        except Refusal as refusal:
            self._failed = True
            raise RowRefused(f"the target refused a row: {refusal}") from refusal

    def attempt(self, steps: Sequence[Step], missing: Missing) -> Exception | None:
        session = self.settle()
        savepoint = session.savepoint()
        try:
            self._steps(session, steps, missing)
        except Refusal as refusal:
            session.back_to(savepoint)
            return RowRefused(f"the target refused a row: {refusal}")
        return None

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        self.settle().parked.extend(entries)

    def recall(self, pipeline: str) -> Memory:
        self._live()
        return self.database.remembered(pipeline)

    def remember(self, pipeline: str, notes: Sequence[Note]) -> None:
        self.settle().notes.extend((pipeline, note) for note in notes)

    def alter(self, statement: str) -> None:
        self._live()
        self.database.alter(statement)
        self.forget()

    def finish(self, checkpoint: Checkpoint) -> None:
        self.settle().checkpoint = checkpoint

    def commit(self, history: Checkpoint | None = None) -> None:
        session = self.session
        if session is None or not session.alive:
            raise OutcomeUnknown("the connection was lost while committing")
        session = self.settle()
        if history is not None:
            session.history.append(history)
        session.commit()

    def rollback(self) -> None:
        self._begun, self._failed = None, False
        if self.session is not None and self.session.alive:
            self.session.rollback()

    def close(self) -> None:
        if self.session is not None and self.session.alive:
            self.session.rollback()
            self.session.alive = False
        self.session = None

    def _live(self) -> Session:
        if self.session is None or not self.session.alive:
            raise TargetUnavailable("there is no connection")
        return self.session

    # --- steps

    def _steps(self, session: Session, steps: Sequence[Step], missing: Missing) -> None:
        for step in steps:
            self._step(session, step, missing)

    def _step(self, session: Session, step: Step, missing: Missing) -> None:
        if isinstance(step, Clear):
            session.clear([table.full_name for table in step.tables])
            session.settle()
        elif isinstance(step, Cascade):
            for one in expand(step, lambda *wanted: _read(session, *wanted)):
                self._step(session, one, missing)
        elif isinstance(step, Ordered):
            for write in step.writes:
                self._write(session, step.binding, write, missing)
                session.settle()
        else:
            self._set(session, step, missing)
            session.settle()

    def _set(self, session: Session, step: Upserts | Updates | Removes, missing: Missing) -> None:
        """A set has no order: any that the seed gives."""
        binding = step.binding
        if isinstance(step, Removes):
            for key in self._mixed(step.keys):
                self._remove(session, binding, key)
        elif isinstance(step, Upserts):
            for row in self._mixed(step.rows):
                _upsert(session, binding, row)
        else:
            lost: list[Row] = []
            for row in self._mixed(step.rows):
                whole = dict(zip(step.columns, row, strict=True))
                full = tuple([whole.get(i, UNSENT) for i in range(len(binding.columns))])
                key = tuple([full[i] for i in binding.key])
                if not _change(session, binding, key, full):
                    lost.append(key)
            for key in lost:
                _take_whole(session, binding, missing(binding, key))

    def _mixed(self, rows: Sequence[Row]) -> Sequence[Row]:
        if self._random is None or len(rows) < 2:
            return rows
        return self._random.sample(rows, len(rows))

    def _write(self, session: Session, binding: Binding, write: Write, missing: Missing) -> None:
        operation, key, row = write
        if operation == REMOVE:
            self._remove(session, binding, key)
        elif operation == UPSERT:
            assert row is not None
            if binding.keyless:
                session.insert(binding.table.full_name, _whole(binding, row))
            else:
                _upsert(session, binding, row)
        else:
            assert row is not None
            if _change(session, binding, key, row):
                return
            if UNSENT not in row:
                if not (binding.keyless and binding.table.acted_on and _is_there(session, binding, row)):
                    _take_whole(session, binding, row)
            else:
                now = tuple([key[n] if row[i] is UNSENT else row[i] for n, i in enumerate(binding.key)])
                _take_whole(session, binding, missing(binding, now))

    def _remove(self, session: Session, binding: Binding, key: Row) -> None:
        found = session.find(binding.table.full_name, _places(binding, binding.key), key)
        for one in found[:1] if binding.keyless else found:
            session.remove(binding.table.full_name, one)


def _places(binding: Binding, picks: Sequence[int]) -> list[int]:
    names = [column.name for column in binding.table.columns]
    return [names.index(binding.columns[i].name) for i in picks]


def _whole(binding: Binding, row: Row) -> Row:
    values = dict(zip((column.name for column in binding.columns), row, strict=True))
    return tuple([values.get(column.name) for column in binding.table.columns])


def _upsert(session: Session, binding: Binding, row: Row) -> None:
    key = tuple([row[i] for i in binding.key])
    if not _change(session, binding, key, row):
        session.insert(binding.table.full_name, _whole(binding, row))


def _is_there(session: Session, binding: Binding, row: Row) -> bool:
    return bool(session.find(binding.table.full_name, _places(binding, range(len(row))), row))


def _take_whole(session: Session, binding: Binding, row: Row | None) -> None:
    if row is None:
        return
    if binding.keyless:
        session.insert(binding.table.full_name, _whole(binding, row))
    else:
        _upsert(session, binding, row)


def _change(session: Session, binding: Binding, key: Row, row: Row) -> bool:
    """Write the sent columns of the rows under `key`; False when there is none."""
    name = binding.table.full_name
    found = session.find(name, _places(binding, binding.key), key)
    for one in found[:1] if binding.keyless else found:
        values = list(session.rows(name)[one])
        for place, value in zip(_places(binding, range(len(row))), row, strict=True):
            if value is not UNSENT:
                values[place] = value
        session.replace(name, one, tuple(values))
    return bool(found)


def _read(session: Session, binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
    name = binding.table.full_name
    wanted = session.database.tables[name].places(columns)
    own = _places(binding, binding.key)
    rows = [session.rows(name)[one] for key in keys for one in session.find(name, own, key)]
    return [tuple([row[i] for i in wanted]) for row in rows]
