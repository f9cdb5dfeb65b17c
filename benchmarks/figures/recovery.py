"""A restart with a backlog: seconds to the first commit, and until the target is current.

The agent has run and was killed; native replication was disabled. The clock starts with the restart.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import agent, rounds
from benchmarks.agent import Agent, Pipeline
from benchmarks.contender import title
from benchmarks.figures.backlogs import Plan, Say
from benchmarks.measured import Sample
from benchmarks.peers import native
from benchmarks.peers.native import subscription
from benchmarks.rounds import Contender, Round, Values
from benchmarks.servers import Engine, Rig, run
from benchmarks.workload import MARKS, TABLE, Shape, mark, marked

PATIENCE_SECONDS: Final = 1800.0


def recovery(rig: Rig, plan: Plan, say: Say) -> Iterator[list[Sample]]:
    """The base shape as the backlog."""
    contenders: list[Contender] = [_Killed(title(rig, s, t), s, t) for s, t in plan.pairings()]
    if any(one.source == "postgresql" for one in contenders):
        contenders.append(_Disabled())
    for number in range(plan.repeat):
        say(f"recovery, round {number + 1} of {plan.repeat}")
        case = f"{plan.rows:,} rows"
        yield rounds.play(rig, Shape(plan.rows), contenders, figure="recovery", case=case, number=number)


@dataclass(frozen=True, slots=True)
class _Killed:
    name: str
    source: Engine
    target: Engine

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Restart]:
        name = f"{self.source[0]}-{self.target[0]}-killed"
        with around.target(self.target, name) as (place, connection):
            pipeline = Pipeline(name, around.source(self.source), place, [TABLE, MARKS])
            with agent.set_up([pipeline]) as ready:
                sign = -1 if self.target == "postgresql" else -2
                with ready.running() as running:
                    mark(around.sources[self.source], sign)
                    _until(lambda: _has_mark(connection, sign), running.alive)
                    running.kill()
                yield _Restart(ready, connection)


@dataclass(frozen=True, slots=True)
class _Restart:
    agent: Agent
    target: Any

    def run(self) -> Values:
        started = time.perf_counter()
        with self.agent.running() as running:
            return _times(self.target, started, running.alive)


@dataclass(frozen=True, slots=True)
class _Disabled:
    name: str = native.NAME
    source: Engine = "postgresql"

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Enable]:
        origin = around.sources["postgresql"]
        with (
            around.target("postgresql", "native") as (_, connection),
            subscription(around.source("postgresql"), origin, connection, [TABLE, MARKS]) as name,
        ):
            run(connection, f"ALTER SUBSCRIPTION {name} ENABLE")
            mark(origin, -3)
            _until(lambda: _has_mark(connection, -3), lambda: None)
            run(connection, f"ALTER SUBSCRIPTION {name} DISABLE")
            yield _Enable(connection, name)


@dataclass(frozen=True, slots=True)
class _Enable:
    target: Any
    subscription: str

    def run(self) -> Values:
        started = time.perf_counter()
        run(self.target, f"ALTER SUBSCRIPTION {self.subscription} ENABLE")
        return _times(self.target, started, lambda: None)


def _times(target: Any, started: float, alive: Callable[[], None]) -> Values:
    _until(lambda: bool(run(target, f"SELECT 1 FROM {TABLE} LIMIT 1")), alive)
    first = time.perf_counter() - started
    _until(lambda: marked(target) >= 2, alive)
    return {"first_seconds": first, "current_seconds": time.perf_counter() - started}


def _has_mark(target: Any, number: int) -> bool:
    return bool(run(target, f"SELECT 1 FROM {MARKS} WHERE id = {number}"))


def _until(condition: Callable[[], bool], alive: Callable[[], None]) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not condition():
        alive()
        if time.perf_counter() > deadline:
            raise RuntimeError("the rows did not arrive in time")
        time.sleep(0.005)
