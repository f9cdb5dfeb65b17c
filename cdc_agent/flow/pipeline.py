"""A pipeline from its start to its stop: sessions, one after the other.

A session lasts until an error: what passes by itself is tried again from the target's checkpoint with backoff,
everything else stops the pipeline (`recovery` decides). `run` runs several side by side in this process.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from cdc_agent.config.model import Config
from cdc_agent.errors import AgentError
from cdc_agent.flow import ends as databases
from cdc_agent.flow import recovery
from cdc_agent.flow.entrance import Entrance
from cdc_agent.flow.session import Ends, Given, Left, Session
from cdc_agent.flow.threads import REAL, Flag, Threads
from cdc_agent.model.status import State, Status

log = structlog.get_logger(__name__)

STATUS_SECONDS: Final = 0.5
SWITCH_SECONDS: Final = 0.0005
"""How long a thread that computes may keep one waiting that a server has answered; Python's own 5 ms stall it."""
COLLECT: Final = (50_000, 20, 100)
"""Thresholds of the garbage collector. It would look at the thousands of transactions in the queues again and again,
which took a sixth to a quarter of the time where transactions are small; they are never in cycles."""

OnStatus = Callable[[Status], None]


class Pipeline:
    """One direction. `run` blocks its caller, which is the applier thread."""

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
        self.entrance = Entrance(threads)
        """Where rows that do not come from the log enter."""
        host = f"{socket.gethostname()}:{os.getpid()}"
        self._given = Given(config, name, host, ends, threads, stop, until_caught_up, self.entrance)
        self._left = Left(recovery.StormGuard(self._given.settings.quarantine_limit))
        self._on_status = on_status or (lambda status: None)
        self._backoff = recovery.Backoff()
        self._state = State.STARTING
        self._last_error: str | None = None
        self._shown_at = 0.0

    def run(self) -> None:
        """Replicate until stopped, or until caught up. Raises the AgentError that stopped it."""
        stop = self._given.stop
        try:
            while not stop.is_set():
                if self._session_ends_well():
                    break
        except BaseException as error:
            self._last_error = recovery.describe(error)
            self.entrance.close(error)
            self._show(State.FAILED)
            raise
        self.entrance.close()
        self._show(State.CAUGHT_UP if self._given.until_caught_up and not stop.is_set() else State.STOPPED)

    def _session_ends_well(self) -> bool:
        """False after an error that is worth another try, and the wait that it asks for."""
        try:
            Session(self._given, self._left, turned=self._turned, applied=self._applied).run()
        except AgentError as error:
            decision = recovery.decide(error)
            if decision not in ("retry", "wait") or (decision == "wait" and self._given.until_caught_up):
                raise
            self._wait_after(error, waits=decision == "wait")
            return False
        return True

    def _wait_after(self, error: AgentError, *, waits: bool) -> None:
        delay = self._backoff.next_delay(recovery.WAITING_DELAY if waits else recovery.LONGEST_DELAY)
        self._left.waits = waits
        told, self._last_error = self._last_error, recovery.describe(error)
        if not waits:
            said = {"code": error.code, "error": error.message, "delay": round(delay, 2)}
            log.warning("pipeline_retries", pipeline=self.name, **said)
        elif told != self._last_error:
            said = {"code": error.code, "error": error.message, "details": list(error.details), "hint": error.advice}
            log.warning("pipeline_waits", pipeline=self.name, **said)
        self._show(State.WAITING if waits else State.RETRYING)
        self._given.stop.wait(delay)

    # --- what a session says, and what is shown

    def _applied(self) -> None:
        self._backoff.reset()
        self._last_error = None

    def _turned(self) -> None:
        if self._state is State.WAITING and self._last_error is not None:
            return
        if self._given.threads.clock() - self._shown_at >= STATUS_SECONDS:
            self._show(State.STREAMING)

    def _show(self, state: State) -> None:
        self._shown_at = self._given.threads.clock()
        self._state = state
        self._on_status(self.status())

    def status(self) -> Status:
        """A snapshot; any thread."""
        given, applier, queue = self._given, self._left.applier, self._left.queue
        names = (self.name, given.settings.source, given.settings.target)
        if applier is None:
            return Status(*names, self._state, last_error=self._last_error)
        checkpoint = applier.checkpoint
        return Status(
            *names,
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
            host=checkpoint.host,
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
