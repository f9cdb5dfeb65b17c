"""Where the time goes: the agent's own steps one after the other on one thread, in microseconds of CPU a row.

The pipeline is taken apart: the whole backlog is read and assembled first, then each batch is decoded and mapped, then
applied. So no step waits for another, and the sum is what one interpreter must do for a row, whatever runs beside it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import agent, rounds
from benchmarks.agent import Agent, Pipeline
from benchmarks.contender import title
from benchmarks.figures.backlogs import Plan, Say
from benchmarks.measured import Sample
from benchmarks.rounds import Contender, Round, Values
from benchmarks.servers import Engine, Rig
from benchmarks.workload import MARKS, TABLE, Shape
from cdc_agent.config.load import load
from cdc_agent.flow import ends as databases
from cdc_agent.flow.applier import Applier, batches
from cdc_agent.flow.recovery import StormGuard
from cdc_agent.flow.routing import Engines, Router
from cdc_agent.model.changes import Rows, Transaction
from cdc_agent.model.positions import parse_position

_MICRO: Final = 1e6


def stages(rig: Rig, plan: Plan, say: Say) -> Iterator[list[Sample]]:
    """Every operation on the base shape."""
    contenders: list[Contender] = [_Apart(title(rig, s, t), s, t) for s, t in plan.pairings()]
    for number in range(plan.repeat):
        for shape in (Shape(plan.rows), Shape(plan.rows, operation="update")):
            say(f"stages, {shape.operation}, round {number + 1} of {plan.repeat}")
            yield rounds.play(rig, shape, contenders, figure="stages", case=shape.operation, number=number)


@dataclass(frozen=True, slots=True)
class _Apart:
    name: str
    source: Engine
    target: Engine

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Ready]:
        name = f"{self.source[0]}-{self.target[0]}-apart"
        with around.target(self.target, name) as (place, _):
            pipeline = Pipeline(name, around.source(self.source), place, [TABLE, MARKS])
            with agent.set_up([pipeline]) as ready:
                yield _Ready(ready, name, around)


@dataclass(frozen=True, slots=True)
class _Ready:
    agent: Agent
    pipeline: str
    around: Round

    def run(self) -> Values:
        config = load(self.agent.config)
        settings = config.pipelines[self.pipeline]
        source = databases.source(config, self.pipeline, lambda event, table: None)
        target = databases.target(config, self.pipeline)
        try:
            target.connect()
            checkpoint = target.take_over(self.pipeline, "benchmark")
            routes = databases.routes(config, self.pipeline)
            engines = Engines(source.identity().engine, config.databases[settings.target].engine.value, "UTC", "UTC")
            position = parse_position(checkpoint.position)
            source.start(position, routes.wanted)
            applier = Applier(
                target=target,
                source=source,
                router=Router(routes, engines, target.describe, target.forget),
                checkpoint=checkpoint,
                position=position,
                source_name=settings.source,
                storm=StormGuard(settings.quarantine_limit),
            )
            return self._times(source, applier, settings.batch_bytes)
        finally:
            source.close()
            target.close()

    def _times(self, source: Any, applier: Applier, batch_bytes: int) -> Values:
        expected = self.around.shape.everything
        backlog = _Backlog()
        began = time.thread_time()
        source.read(backlog.take, backlog.whole)
        read = time.thread_time() - began
        prepared_cpu = applied_cpu = waited = 0.0
        for drained in _drained(backlog.transactions, batch_bytes):
            for batch in batches(drained):
                began = time.thread_time()
                prepared = applier.prepare(batch)
                prepared_cpu += time.thread_time() - began
                began, clock = time.thread_time(), time.perf_counter()
                applier.apply(prepared)
                cpu = time.thread_time() - began
                applied_cpu += cpu
                waited += time.perf_counter() - clock - cpu
        return {
            "read": read / expected * _MICRO,
            "map": prepared_cpu / expected * _MICRO,
            "apply": applied_cpu / expected * _MICRO,
            "cpu": (read + prepared_cpu + applied_cpu) / expected * _MICRO,
            "server": waited / expected * _MICRO,
        }


class _Backlog:
    """What the source emits, until the second mark closes the backlog."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self._marks = 0

    def take(self, transaction: Transaction) -> None:
        self.transactions.append(transaction)
        self._marks += any(isinstance(piece, Rows) and piece.table.name == MARKS for piece in transaction.pieces)

    def whole(self) -> bool:
        return self._marks == 2


def _drained(transactions: list[Transaction], limit: int) -> Iterator[list[Transaction]]:
    """As `TransactionQueue.drain` hands them out under load."""
    drained: list[Transaction] = []
    size = 0
    for transaction in transactions:
        drained.append(transaction)
        size += transaction.size
        if size >= limit:
            yield drained
            drained, size = [], 0
    if drained:
        yield drained
