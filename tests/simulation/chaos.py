"""Faults at the seams: both ends wrapped, so that a call may fail before or after it did its work.

`Weather` decides by its own stream of the seed, and numbers every fault, so that a story can be told again without
some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cdc_agent.errors import OutcomeUnknown, SourceUnavailable, TargetUnavailable, TransactionAborted
from cdc_agent.model.changes import Table, TableName
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.positions import Position
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note
from cdc_agent.model.steps import Step
from cdc_agent.model.tables import ForeignKey, TargetTable
from cdc_agent.model.values import Row, Value
from cdc_agent.sources.base import Emit, ServerIdentity
from cdc_agent.targets.base import Missing
from tests.simulation import catalogue
from tests.support.memory.database import Session
from tests.support.memory.source import MemorySource
from tests.support.memory.target import MemoryTarget

if TYPE_CHECKING:
    from tests.simulation.world import Agent, World

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Weather:
    """Whether a fault happens here. `without` are the numbers of faults that must not."""

    def __init__(self, random: Random, rate: float, without: frozenset[int] = frozenset()) -> None:
        self.random = random
        self.rate = rate
        self.faults = 0
        self._without = without

    def strikes(self, share: float = 1.0) -> bool:
        return self.random.random() < self.rate * share and self.allowed()

    def allowed(self) -> bool:
        """Count a fault; whether it may happen."""
        self.faults += 1
        return self.faults not in self._without


class StormyTarget:
    """A `MemoryTarget` whose connection breaks and whose agent dies, at any call."""

    def __init__(self, world: World, agent: Agent, target: MemoryTarget) -> None:
        self._world = world
        self._agent = agent
        self._target = target
        self._seen = ""
        """The position of the last checkpoint that the agent has read or committed here."""

    def _call(self, call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        world = self._world
        world.scheduler.step()
        if world.weather.strikes():
            self._fault(f"before {call.__name__}")
        result = call(*args, **kwargs)
        world.scheduler.step()
        if world.weather.strikes():
            self._fault(f"after {call.__name__}")
        return result

    def _fault(self, where: str) -> None:
        kind = self._world.weather.random.random()
        if kind < 0.3:
            self._world.kill(self._agent, f"{where} on the target")
        if kind < 0.85:
            self._world.tell(f"{self._agent.name}: the target's connection breaks {where}")
            self.drop()
            raise TargetUnavailable("the connection broke")
        session = self._target.session
        if session is not None and session.open:
            self._world.tell(f"{self._agent.name}: the target ends the transaction {where}")
            session.rollback()
            self._target.fail()
            raise TransactionAborted("deadlock")

    def drop(self) -> None:
        """The connection is gone; the server notices now or later."""
        session = self._cut()
        if session is not None and session.open:
            self._world.later(session.rollback, "the target rolls back what is left of a session")

    def _cut(self) -> Session | None:
        session, self._target.session = self._target.session, None
        return session

    def connect(self) -> None:
        self._call(self._target.connect)

    def describe(self, schema: str, name: str) -> TargetTable | None:
        return self._call(self._target.describe, schema, name)

    def unsure(self) -> str | None:
        return None

    def foresee(self, names: Sequence[TableName]) -> None:
        self._call(self._target.foresee, names)

    def forget(self) -> None:
        self._target.forget()

    def checkpoint(self, pipeline: str, *, settled: bool = False) -> Checkpoint | None:
        return self._know(self._call(self._target.checkpoint, pipeline, settled=settled))

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        taken = self._know(self._call(self._target.take_over, pipeline, host))
        assert taken is not None
        self._agent.generation = taken.generation
        return taken

    def _know(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        self._seen = "" if checkpoint is None else checkpoint.position
        return checkpoint

    def begin(self, checkpoint: Checkpoint) -> None:
        self._call(self._target.begin, checkpoint)

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        self._call(self._target.apply, steps, missing)

    def attempt(self, steps: Sequence[Step], missing: Missing) -> Exception | None:
        return self._call(self._target.attempt, steps, missing)

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        self._call(self._target.quarantine, pipeline, entries)

    def recall(self, pipeline: str) -> Memory:
        return self._call(self._target.recall, pipeline)

    def remember(self, pipeline: str, notes: Sequence[Note]) -> None:
        self._call(self._target.remember, pipeline, notes)

    def alter(self, statement: str) -> None:
        self._call(self._target.alter, statement)

    def finish(self, checkpoint: Checkpoint) -> None:
        self._call(self._target.finish, checkpoint)

    def commit(self, history: Checkpoint | None = None) -> None:
        world, name = self._world, self._agent.name
        world.scheduler.step()
        committing = self._settled()
        if not world.weather.strikes(5):
            self._call(self._target.commit, history)
            self._seen = committing
            return
        kind, dies = world.weather.random.random(), world.weather.random.random() < 0.3
        if kind < 0.35:
            world.tell(f"{name}: COMMIT does not reach the target")
            self.drop()
        elif kind < 0.65:
            self._target.commit(history)
            world.tell(f"{name}: COMMIT is done, its answer lost")
            self._cut()
        else:
            session = self._cut()
            world.tell(f"{name}: COMMIT is sent, and done later")
            if session is not None:
                world.later(session.commit, "the target does a COMMIT that nobody waits for")
        if dies:
            world.kill(self._agent, "at COMMIT")
        raise OutcomeUnknown("the connection broke at COMMIT")

    def _settled(self) -> str:
        """The position to be committed. It must come behind the last one that this agent knows of."""
        session = self._target.session
        if session is None:
            return ""
        self._target.settle()
        stored = self._world.database.checkpoints[catalogue.PIPELINE].position
        self._world.model.on_commit_begun(self._seen, stored)
        assert session.checkpoint is not None
        return session.checkpoint.position

    def rollback(self) -> None:
        self._world.scheduler.step()
        self._target.rollback()

    def close(self) -> None:
        self._target.close()


class StormySource:
    """A `MemorySource` whose connection breaks and whose agent dies, at any call and between any two transactions."""

    def __init__(self, world: World, agent: Agent, source: MemorySource) -> None:
        self._world = world
        self._agent = agent
        self._source = source
        self.keepalive = source.keepalive

    def _call(self, call: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        world = self._world
        world.scheduler.step()
        if world.weather.strikes():
            self._fault(f"before {call.__name__}")
        result = call(*args, **kwargs)
        world.scheduler.step()
        if world.weather.strikes():
            self._fault(f"after {call.__name__}")
        return result

    def _fault(self, where: str) -> None:
        if self._world.weather.random.random() < 0.3:
            self._world.kill(self._agent, f"{where} on the source")
        self._world.tell(f"{self._agent.name}: the source's connection breaks {where}")
        self._source.connected = False
        raise SourceUnavailable("the connection broke")

    def drop(self) -> None:
        self._source.connected = False

    def identity(self) -> ServerIdentity:
        return self._call(self._source.identity)

    def current_position(self) -> Position:
        return self._call(self._source.current_position)

    @property
    def logs_keys(self) -> bool:
        return self._source.logs_keys

    def unlogged_keys(self, wanted: Callable[[TableName], bool]) -> Sequence[tuple[TableName, ForeignKey]]:
        return self._call(self._source.unlogged_keys, wanted)

    def start(self, position: Position, wanted: Callable[[TableName], bool]) -> None:
        self._call(self._source.start, position, wanted)

    def read(self, emit: Emit, stop: Callable[[], bool]) -> None:
        def through(transaction: Any) -> None:
            self._world.scheduler.step()
            if self._world.weather.strikes():
                self._fault("before a transaction is handed over")
            emit(transaction)

        self._source.read(through, stop)

    def acknowledge(self, position: Position) -> None:
        self._world.scheduler.step()
        self._world.model.on_acknowledge(self._world.log.place(position))
        self._source.acknowledge(position)

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        row = self._call(self._source.reread, table, key)
        self._world.model.on_reread(table.name, tuple(key.values()))
        return row

    def settle(self) -> None:
        self._call(self._source.settle)

    def close(self) -> None:
        self._source.close()
