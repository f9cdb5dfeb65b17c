"""The loop: the only file that knows the order of the steps.

For each pipeline a reader thread owns the source connection and an applier thread the target's; a queue bounded in
bytes lies between. While a backlog lasts, the applier maps the next batch as the last one is applied (`overlap`). A
session lasts until an error: what passes by itself is tried again from the target's checkpoint with backoff,
everything else stops the pipeline (`recovery` decides).
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from cdc_agent.config.model import Config
from cdc_agent.errors import AgentError, ForeignCheckpoint, NotSetUp, PositionUnreadable
from cdc_agent.flow import ends as databases
from cdc_agent.flow import recovery
from cdc_agent.flow.applier import Applier, Prepared, batches
from cdc_agent.flow.overlap import Overlap
from cdc_agent.flow.queue import Closed, TransactionQueue
from cdc_agent.flow.routing import Engines, Router
from cdc_agent.flow.threads import REAL, Flag, Threads
from cdc_agent.model.changes import TableName, Transaction
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.positions import Position, parse_position
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import ServerIdentity, Source
from cdc_agent.store.tables import taken_over
from cdc_agent.targets.base import Target

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.25
"""How soon a waiting applier looks at its clock; a transaction wakes it at once."""
IDLE_SECONDS: Final = 0.5
"""How often a busy applier lets overdue positions be written."""
STATUS_SECONDS: Final = 0.5
SWITCH_SECONDS: Final = 0.0005
"""How long a thread that computes may keep one waiting that a server has answered; Python's own 5 ms stall it."""
JOIN_SECONDS: Final = 5.0
COLLECT: Final = (50_000, 20, 100)
"""Thresholds of the garbage collector. It would look at the thousands of transactions in the queues again and again,
which took a sixth to a quarter of the time where transactions are small; they are never in cycles."""


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """What `run` shows and `status` reads; positions are texts, ages are seconds."""

    name: str
    source: str
    target: str
    state: str
    """starting, streaming, retrying, caught up, stopped or failed"""
    position: str = ""
    """The last position read."""
    checkpoint: str = ""
    """The last position that the target durably holds."""
    lag_seconds: float | None = None
    """How long the oldest transaction in hand has waited; 0 when nothing waits."""
    lag_bytes: int | None = None
    """Bytes of log read and not yet committed on the target."""
    transactions: int = 0
    changes: int = 0
    echoes: int = 0
    quarantined: int = 0
    generation: int = 0
    last_error: str | None = None


OnStatus = Callable[[PipelineStatus], None]


class Ends(Protocol):
    """Makes both ends of a pipeline, not yet connected."""

    def source(self, config: Config, pipeline: str, report: Report) -> Source: ...
    def target(self, config: Config, pipeline: str) -> Target: ...


class Pipeline:
    """One direction, from its start to its stop. `run` blocks its caller, which is the applier thread."""

    def __init__(
        self,
        config: Config,
        name: str,
        *,
        stop: Flag,
        until_caught_up: bool = False,
        on_status: OnStatus | None = None,
        ends: Ends = databases,
        threads: Threads = REAL,
    ) -> None:
        self.name = name
        self.settings = config.pipelines[name]
        self._config = config
        self._stop = stop
        self._ends = ends
        self._threads = threads
        self._until_caught_up = until_caught_up
        self._on_status = on_status or (lambda status: None)
        self._host = f"{socket.gethostname()}:{os.getpid()}"
        self._generation: int | None = None
        self._goal: Position | None = None
        self._applier: Applier | None = None
        self._queue: TransactionQueue | None = None
        self._state = "starting"
        self._last_error: str | None = None
        self._status_at = 0.0
        self._storm = recovery.StormGuard(self.settings.quarantine_limit)

    # --- the life of a pipeline

    def run(self) -> None:
        """Replicate until stopped, or until caught up. Raises the AgentError that stopped it."""
        backoff = recovery.Backoff()
        try:
            while not self._stop.is_set():
                try:
                    self._session(backoff)
                except AgentError as error:
                    if recovery.decide(error) != "retry":
                        raise
                    self._wait_after(error, backoff)
                else:
                    break
        except BaseException as error:
            self._last_error = recovery.describe(error)
            self._show("failed", force=True)
            raise
        self._show("caught up" if self._until_caught_up and not self._stop.is_set() else "stopped", force=True)

    def _wait_after(self, error: AgentError, backoff: recovery.Backoff) -> None:
        delay = backoff.next_delay()
        self._last_error = recovery.describe(error)
        log.warning("pipeline_retries", pipeline=self.name, code=error.code, error=error.message, delay=round(delay, 2))
        self._show("retrying", force=True)
        self._stop.wait(delay)

    def _session(self, backoff: recovery.Backoff) -> None:
        """One life of both connections; returns when asked to stop or caught up."""
        source = self._ends.source(self._config, self.name, self._report)
        target = self._ends.target(self._config, self.name)
        try:
            target.connect()
            checkpoint = self._claim(target)
            identity = source.identity()
            position = self._start_position(checkpoint, identity)
            if self._until_caught_up and self._goal is None:
                self._goal = source.current_position()
            routes = databases.routes(self._config, self.name)
            overlap = Overlap(f"write {self.name}", self._threads)
            describe, forget = overlap.settled(target.describe), overlap.settled(target.forget)
            foresee = overlap.settled(target.foresee)
            router = Router(routes, self._engines(identity), describe, forget, source.unlogged_keys(), foresee)
            source.start(position, routes.wanted)
            self._applier = Applier(
                target=target,
                source=source,
                router=router,
                checkpoint=checkpoint,
                position=position,
                source_name=self.settings.source,
                storm=self._storm,
                threads=self._threads,
            )
            log.info("pipeline_streams", pipeline=self.name, position=str(position), generation=checkpoint.generation)
            self._stream(source, self._applier, overlap, backoff)
        finally:
            source.close()
            target.close()

    def _claim(self, target: Target) -> Checkpoint:
        """The checkpoint under our generation: raised on the first session, compared on every later one.

        Either way it is read under the row's lock: the last session's COMMIT may be done by the server only now.
        """
        if self._generation is None:
            checkpoint = target.take_over(self.name, self._host)
            self._generation = checkpoint.generation
            return checkpoint
        found = target.checkpoint(self.name, settled=True)
        if found is None:
            raise NotSetUp(f"pipeline {self.name} has no checkpoint on {self.settings.target}")
        if found.generation != self._generation:
            raise taken_over(self.name, self._generation, Holder(found.generation, found.host))
        return found

    def _start_position(self, checkpoint: Checkpoint, identity: ServerIdentity) -> Position:
        if checkpoint.source_identity != identity.text:
            raise ForeignCheckpoint(
                f"the checkpoint of pipeline {self.name} was made on another server",
                details=[
                    f"checkpoint: {checkpoint.source_identity}",
                    f"source {self.settings.source}: {identity.text}",
                ],
            )
        try:
            return parse_position(checkpoint.position)
        except ValueError as error:
            raise PositionUnreadable(f"the checkpoint of pipeline {self.name} holds no readable position") from error

    def _engines(self, identity: ServerIdentity) -> Engines:
        source, target = (self._config.databases[n] for n in (self.settings.source, self.settings.target))
        return Engines(
            source=identity.engine,
            target=target.engine.value,
            source_zone=source.time_zone,
            target_zone=target.time_zone,
        )

    # --- reading and applying

    def _stream(self, source: Source, applier: Applier, overlap: Overlap, backoff: recovery.Backoff) -> None:
        queue = self._queue = TransactionQueue(self.settings.queue_bytes, self._threads)
        ended = self._threads.flag()
        reader = self._threads.start(lambda: self._read(source, queue, ended), f"read {self.name}")
        try:
            self._apply_until_done(queue, applier, overlap, backoff)
        finally:
            overlap.close()
            applier.abandon()
            ended.set()
            queue.close()
            reader.join(JOIN_SECONDS)

    def _read(self, source: Source, queue: TransactionQueue, ended: Flag) -> None:
        def emit(transaction: Transaction) -> None:
            queue.put(transaction, source.keepalive)

        try:
            source.read(emit, ended.is_set)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the applier thread raises it
            queue.fail(error)

    def _apply_until_done(
        self, queue: TransactionQueue, applier: Applier, overlap: Overlap, backoff: recovery.Backoff
    ) -> None:
        looked = 0.0
        while True:
            drained = self._drain(queue, overlap)
            for batch in batches(drained):
                self._apply_one(applier, applier.prepare(batch), overlap, backoff, beside=queue.size > 0)
            self._show("streaming")
            busy = queue.size or (drained and overlap.running)
            if busy and self._threads.clock() - looked < IDLE_SECONDS and not self._stop.is_set():
                continue
            overlap.settle()
            looked = self._threads.clock()
            applier.idle()
            if self._stop.is_set():
                if not applier.in_transaction:
                    applier.finish()
                return
            if self._goal is not None and not applier.in_transaction and applier.seen.reached(self._goal):
                applier.finish()
                return

    def _drain(self, queue: TransactionQueue, overlap: Overlap) -> list[Transaction]:
        """What the reader handed over; its error only after all before it is applied."""
        try:
            return queue.drain(self.settings.batch_bytes, POLL_SECONDS)
        except BaseException:
            overlap.settle()
            raise

    def _apply_one(
        self, applier: Applier, prepared: Prepared, overlap: Overlap, backoff: recovery.Backoff, *, beside: bool
    ) -> None:
        def work() -> None:
            applier.apply(prepared)
            backoff.reset()
            self._last_error = None

        overlap.run(work, beside=beside)

    def _report(self, event: str, table: TableName) -> None:
        log.warning(event, pipeline=self.name, table=".".join(table))

    def _show(self, state: str, *, force: bool = False) -> None:
        now = self._threads.clock()
        if not force and now - self._status_at < STATUS_SECONDS:
            return
        self._status_at = now
        self._state = state
        self._on_status(self.status())

    def status(self) -> PipelineStatus:
        """A snapshot; any thread."""
        applier, queue = self._applier, self._queue
        name, source, target = self.name, self.settings.source, self.settings.target
        if applier is None:
            return PipelineStatus(name, source, target, self._state, last_error=self._last_error)
        checkpoint = applier.checkpoint
        return PipelineStatus(
            name=name,
            source=source,
            target=target,
            state=self._state,
            position=str(applier.seen),
            checkpoint=checkpoint.position,
            lag_seconds=queue.waiting if queue else None,
            lag_bytes=queue.size if queue else None,
            transactions=checkpoint.transactions,
            changes=checkpoint.changes,
            echoes=applier.echoes,
            quarantined=checkpoint.quarantined,
            generation=checkpoint.generation,
            last_error=self._last_error,
        )


def run(
    config: Config,
    names: Sequence[str],
    *,
    until_caught_up: bool = False,
    on_status: OnStatus | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Run pipelines side by side in this process until `stop` is set, or all have caught up.

    A pipeline that fails does not stop the others. Raises the first failure after all have ended.
    """
    _tune_interpreter()
    stop = stop or threading.Event()
    failures: list[BaseException] = []

    def one(pipeline: Pipeline) -> None:
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: raised below
            failures.append(error)
            log.error("pipeline_failed", pipeline=pipeline.name, error=recovery.describe(error))

    threads = [
        threading.Thread(
            target=one,
            args=(Pipeline(config, name, stop=stop, until_caught_up=until_caught_up, on_status=on_status),),
            name=f"apply {name}",
            daemon=True,
        )
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)
    if failures:
        raise failures[0]


def _tune_interpreter() -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
