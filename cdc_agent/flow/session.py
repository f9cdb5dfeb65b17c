"""One life of both connections, and the only file that knows the order of the steps.

In: a pipeline, and what its last session left. Out: committed batches, until it is asked to stop or has caught up. A
reader thread owns the source's connection and the caller's thread the target's; a queue bounded in bytes lies between.
While a backlog lasts, the next batch is mapped as the last one is applied (`overlap`).

Never tries again: the first error ends it, with what was open rolled back and both connections closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from cdc_agent.config.model import Config, PipelineSettings
from cdc_agent.errors import ForeignCheckpoint, NotSetUp, PositionUnreadable
from cdc_agent.flow import ends as databases
from cdc_agent.flow.acknowledging import UNSURE_SECONDS
from cdc_agent.flow.applier import Applier, Prepared, batches
from cdc_agent.flow.entrance import Entrance
from cdc_agent.flow.overlap import Overlap
from cdc_agent.flow.queue import Closed, TransactionQueue
from cdc_agent.flow.recovery import StormGuard
from cdc_agent.flow.routing import Engines, Foresee, Router
from cdc_agent.flow.threads import Flag, Threads
from cdc_agent.mapping.keys import KeysInForce
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.changes import TableEvent, TableName, Transaction
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.positions import Position, parse_position
from cdc_agent.model.remembered import Memory
from cdc_agent.schema.watch import Watch
from cdc_agent.schema.words import Speaker
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import ServerIdentity, Source
from cdc_agent.store.tables import taken_over
from cdc_agent.targets.base import Target

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.25
"""How soon a waiting applier looks at its clock; a transaction wakes it at once."""
IDLE_SECONDS: Final = 0.5
"""How often a busy applier lets overdue positions be written."""
JOIN_SECONDS: Final = 5.0


class Ends(Protocol):
    """Makes both ends of a pipeline, not yet connected."""

    def source(self, config: Config, pipeline: str, report: Report) -> Source: ...
    def target(self, config: Config, pipeline: str) -> Target: ...
    def speaker(self, config: Config, pipeline: str, routes: Routes) -> Speaker: ...


@dataclass(frozen=True, slots=True)
class Given:
    """What every session of a pipeline is given."""

    config: Config
    name: str
    host: str
    """Host and process that hold the pipeline."""
    ends: Ends
    threads: Threads
    stop: Flag
    until_caught_up: bool
    entrance: Entrance

    @property
    def settings(self) -> PipelineSettings:
        """The pipeline's own part of the configuration."""
        return self.config.pipelines[self.name]


@dataclass(slots=True)
class Left:
    """What one session leaves to the next."""

    storm: StormGuard
    generation: int | None = None
    """The one that was claimed by the first session that came so far."""
    goal: Position | None = None
    """Where to stop when asked to catch up: the end of the source's log at the start."""
    waits: bool = False
    """Whether the last session ended with something to wait for, which the next one looks for again."""
    applier: Applier | None = None
    queue: TransactionQueue | None = None
    tables: dict[TableName, None] = field(default_factory=dict)
    """The target tables that were written to so far."""

    def remembering(self, foresee: Foresee) -> Foresee:
        """As `foresee`, but the first call of a session reads what earlier sessions used as well, all at one go."""
        first = True

        def remembered(names: Sequence[TableName]) -> None:
            nonlocal first
            known, first = (self.tables if first else ()), False
            wanted = list(dict.fromkeys([*names, *known]))
            self.tables.update(dict.fromkeys(names))
            foresee(wanted)

        return remembered


class Session:
    """`run` blocks its caller, which is the applier thread."""

    def __init__(self, given: Given, left: Left, *, turned: Callable[[], None], applied: Callable[[], None]) -> None:
        """`turned` is called after each turn of the loop, `applied` after each batch, perhaps on another thread."""
        self._given = given
        self._left = left
        self._turned = turned
        self._applied = applied
        self._settings = given.settings
        self._clock = given.threads.clock
        self._queue = TransactionQueue(self._settings.queue_bytes, given.threads)
        self._overlap = Overlap(f"write {given.name}", given.threads)
        self._entrance = given.entrance
        self._entrance.wake = self._queue.wake

    def run(self) -> None:
        """Return when asked to stop or caught up. Raises what ended the session."""
        given = self._given
        source = given.ends.source(given.config, given.name, self._report)
        target = given.ends.target(given.config, given.name)
        try:
            target.connect()
            applier = self._start(source, target)
            self._left.applier, self._left.queue = applier, self._queue
            self._stream(source, applier)
        finally:
            self._entrance.end()
            source.close()
            target.close()

    def _report(self, event: str, table: TableName) -> None:
        log.warning(event, pipeline=self._given.name, table=".".join(table))

    def _happened(self, event: TableEvent) -> None:
        table = ".".join(filter(None, event.table))
        unlike = {"differs": event.unlike} if event.unlike else {}
        log.warning(f"table_{event.kind}", pipeline=self._given.name, table=table, what=event.text, **unlike)

    # --- from two connections to a log that is read from the checkpoint on

    def _start(self, source: Source, target: Target) -> Applier:
        given, left = self._given, self._left
        checkpoint = self._claim(target)
        identity = source.identity()
        position = self._start_position(checkpoint, identity)
        if given.until_caught_up and left.goal is None:
            left.goal = source.current_position()
        routes = databases.routes(given.config, given.name)
        describe, forget = self._overlap.settled(target.describe), self._overlap.settled(target.forget)
        foresee = left.remembering(self._overlap.settled(target.foresee))
        engines, memory = self._engines(identity), target.recall(given.name)
        keys, watch = self._keys(source, memory, routes), self._watch(memory, engines, routes)
        router = Router(routes, engines, describe, forget, keys, foresee, self._happened, watch)
        source.start(position, routes.wanted)
        self._entrance.begin(source.settle)
        tell = log.debug if left.waits else log.info
        tell("pipeline_streams", pipeline=given.name, position=str(position), generation=checkpoint.generation)
        return Applier(
            target=target,
            source=source,
            router=router,
            checkpoint=checkpoint,
            position=position,
            source_name=self._settings.source,
            storm=left.storm,
            entrance=self._entrance,
            threads=given.threads,
            delay=self._delay(target),
        )

    def _delay(self, target: Target) -> float:
        """How long the source keeps its log after the target's commit, in seconds."""
        asked = self._settings.acknowledge.delay
        if asked is not None:
            return asked
        unsure = target.unsure()
        if unsure is None:
            return 0.0
        log.warning("acknowledged_late", pipeline=self._given.name, because=unsure, seconds=UNSURE_SECONDS)
        return UNSURE_SECONDS

    def _keys(self, source: Source, memory: Memory, routes: Routes) -> KeysInForce | None:
        """Those at the checkpoint, where the log does not hold all that they do."""
        if source.logs_keys:
            return None
        return KeysInForce(memory.known, lambda: source.unlogged_keys(routes.wanted), routes.scope)

    def _watch(self, memory: Memory, engines: Engines, routes: Routes) -> Watch:
        given = self._given
        speaker = given.ends.speaker(given.config, given.name, routes)
        return Watch(given.name, self._settings, memory, engines.context, speaker)

    def _claim(self, target: Target) -> Checkpoint:
        """The checkpoint under our generation: raised on the first session, compared on every later one.

        Either way it is read under the row's lock: the last session's COMMIT may be done by the server only now. A
        target that lost its last seconds in a crash may have lost our generation too, which is then claimed again.
        """
        name, left = self._given.name, self._left
        found = target.checkpoint(name, settled=True) if left.generation is not None else None
        if left.generation is None or (found is not None and found.generation < left.generation):
            checkpoint = target.take_over(name, self._given.host)
            left.generation = checkpoint.generation
            return checkpoint
        if found is None:
            raise NotSetUp(f"pipeline {name} has no checkpoint on {self._settings.target}")
        if found.generation != left.generation:
            raise taken_over(name, left.generation, Holder(found.generation, found.host))
        return found

    def _start_position(self, checkpoint: Checkpoint, identity: ServerIdentity) -> Position:
        name = self._given.name
        if checkpoint.source_identity != identity.text:
            raise ForeignCheckpoint(
                f"the checkpoint of pipeline {name} was made on another server",
                details=[
                    f"checkpoint: {checkpoint.source_identity}",
                    f"source {self._settings.source}: {identity.text}",
                ],
            )
        try:
            return parse_position(checkpoint.position)
        except ValueError as error:
            raise PositionUnreadable(f"the checkpoint of pipeline {name} holds no readable position") from error

    def _engines(self, identity: ServerIdentity) -> Engines:
        names = (self._settings.source, self._settings.target)
        source, target = (self._given.config.databases[name] for name in names)
        return Engines(
            source=identity.engine,
            target=target.engine.value,
            source_zone=source.time_zone,
            target_zone=target.time_zone,
        )

    # --- reading and applying

    def _stream(self, source: Source, applier: Applier) -> None:
        threads = self._given.threads
        ended = threads.flag()
        reader = threads.start(lambda: self._read(source, ended), f"read {self._given.name}")
        try:
            self._apply_until_done(applier)
        finally:
            self._overlap.close()
            applier.abandon()
            ended.set()
            self._queue.close()
            reader.join(JOIN_SECONDS)

    def _read(self, source: Source, ended: Flag) -> None:
        """The reader thread."""

        def emit(transaction: Transaction) -> None:
            self._queue.put(transaction, source.keepalive)

        try:
            source.read(emit, ended.is_set)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the applier thread raises it
            self._queue.fail(error)

    def _apply_until_done(self, applier: Applier) -> None:
        looked = 0.0
        while True:
            drained = self._drain()
            for batch in batches(drained):
                self._apply(applier, batch)
            if self._entrance.waiting:
                self._overlap.settle()
                applier.enter()
            self._turned()
            busy = self._queue.size or (drained and self._overlap.running)
            if busy and self._clock() - looked < IDLE_SECONDS and not self._given.stop.is_set():
                continue
            self._overlap.settle()
            looked = self._clock()
            applier.idle()
            if self._done(applier):
                return

    def _drain(self) -> list[Transaction]:
        """What the reader handed over; its error only after all before it is applied."""
        try:
            return self._queue.drain(self._settings.batch_bytes, POLL_SECONDS)
        except BaseException:
            self._overlap.settle()
            raise

    def _apply(self, applier: Applier, batch: Sequence[Transaction]) -> None:
        """Map a batch here; apply it here too, or beside the next one's mapping where one waits."""
        while batch:
            prepared = applier.prepare(batch)
            self._hand_over(applier, prepared)
            if prepared.held is not None:
                self._overlap.settle()
                applier.hold(prepared.held)
            batch = prepared.rest

    def _hand_over(self, applier: Applier, prepared: Prepared) -> None:
        if not prepared.batch:
            return

        def work() -> None:
            applier.apply(prepared)
            self._applied()

        self._overlap.run(work, beside=self._queue.size > 0)

    def _done(self, applier: Applier) -> bool:
        """Whether to end: asked to stop, or caught up with nothing open or waiting. Writes what a clean end must."""
        stopping, goal = self._given.stop.is_set(), self._left.goal
        if applier.in_transaction:
            return stopping
        if not stopping and (goal is None or not applier.seen.reached(goal) or self._entrance.waiting):
            return False
        applier.finish()
        return True
