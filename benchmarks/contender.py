"""The agent as a contender over a backlog."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import agent, clock, usage
from benchmarks.agent import Agent, Pipeline
from benchmarks.rounds import Round, Values
from benchmarks.servers import TITLES, Engine, Rig, run
from benchmarks.workload import MARKS, TABLE

MAPPING: Final = {
    "id": "id",
    "account": "account + 1",
    "name": "UPPER(TRIM(name))",
    "amount": "amount * 2",
    "created": "created",
    "phone": "CONCAT('00', SUBSTRING(phone, 2))",
    "active": "active",
    "day": "day",
    "ratio": "ratio",
    "note": "CASE WHEN account < 500 THEN note ELSE COALESCE(phone, 'none') END",
}
"""Five expressions on ten columns."""


def title(rig: Rig, source: Engine, target: Engine) -> str:
    """As the tables show a pairing."""
    engines = (rig.source[source].running.engine, rig.target[target].running.engine)
    return " → ".join(TITLES[engine] for engine in engines)


@dataclass(frozen=True, slots=True)
class AgentContender:
    """One pairing, as it is or with five expressions."""

    name: str
    source: Engine
    target: Engine
    mapped: bool = False

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Ready]:
        pipeline_name = f"{self.source[0]}-{self.target[0]}{'-mapped' if self.mapped else ''}"
        with around.target(self.target, pipeline_name) as (place, connection):
            columns = {TABLE: MAPPING} if self.mapped else {}
            pipeline = Pipeline(pipeline_name, around.source(self.source), place, [TABLE, MARKS], columns)
            with agent.set_up([pipeline]) as ready:
                yield _Ready(ready, pipeline_name, around, connection, self.target)


@dataclass(frozen=True, slots=True)
class _Ready:
    agent: Agent
    pipeline: str
    around: Round
    target: Any
    engine: Engine

    def run(self) -> Values:
        with self.agent.running() as running:
            pids = self.around.rig.pids

            def meters() -> tuple[float, ...]:
                mine = usage.cpu_seconds([running.process.pid])
                return mine, usage.cpu_seconds(pids), _commits(self.target, self.engine)

            def done() -> int:
                query = f"SELECT changes FROM cdc_agent.checkpoint WHERE pipeline = '{self.pipeline}'"
                return int(run(self.target, query)[0][0])

            span = clock.watch(done, self.around.shape, meters=meters, alive=running.alive)
            agent_cpu, server_cpu, commits = span.spent
            return {
                "rate": span.rate,
                "seconds": span.seconds,
                "peak_mib": usage.peak_mib(running.process.pid),
                "agent_cpu": agent_cpu / span.changes * 1e6,
                "server_cpu": server_cpu / span.changes * 1e6,
                "rows_per_commit": span.changes / max(1.0, commits),
            }


def _commits(target: Any, engine: Engine) -> float:
    """Transactions that applied something: updates of the checkpoint in PostgreSQL, COMMITs of the server in MySQL."""
    if engine == "postgresql":
        found = run(target, "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'checkpoint'")
        return float(found[0][0]) if found else 0.0
    return float(run(target, "SHOW GLOBAL STATUS LIKE 'Com_commit'")[0][1])
