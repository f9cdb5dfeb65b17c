"""PostgreSQL's own logical replication, from the source's server to the target's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import clock, usage
from benchmarks.agent import Place
from benchmarks.rounds import Round, Values
from benchmarks.servers import Engine, run
from benchmarks.workload import MARKS, TABLE, marked

NAME = "PostgreSQL's own replication"
_SLOT = "bench_native"


@dataclass(frozen=True, slots=True)
class Native:
    """A subscription that is created disabled and enabled to run."""

    name: str = NAME
    source: Engine = "postgresql"

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Ready]:
        with (
            around.target("postgresql", "native") as (_, connection),
            subscription(around.source("postgresql"), around.sources["postgresql"], connection, [TABLE, MARKS]),
        ):
            yield _Ready(around, connection)


@dataclass(frozen=True, slots=True)
class _Ready:
    around: Round
    target: Any

    def run(self) -> Values:
        pids = self.around.rig.pids
        run(self.target, f"ALTER SUBSCRIPTION {_SLOT} ENABLE")
        shape = self.around.shape
        after_mark = {0: 0, 1: shape.warm_changes + 1, 2: shape.everything}  # it commits one transaction at a time
        span = clock.watch(lambda: after_mark[marked(self.target)], shape, meters=lambda: (usage.cpu_seconds(pids),))
        run(self.target, f"ALTER SUBSCRIPTION {_SLOT} DISABLE")
        return {"rate": span.rate, "seconds": span.seconds, "server_cpu": span.spent[0] / span.changes * 1e6}


@contextlib.contextmanager
def subscription(place: Place, origin: Any, target: Any, tables: Sequence[str]) -> Iterator[str]:
    """A disabled subscription of `target` to tables of `place`, which nothing is copied for; its name."""
    running = place.server.running
    run(origin, f"CREATE PUBLICATION {_SLOT} FOR TABLE {', '.join(tables)}")
    run(origin, f"SELECT pg_create_logical_replication_slot('{_SLOT}', 'pgoutput')")
    words = {
        "host": "127.0.0.1",
        "port": running.port,
        "user": running.user,
        "password": running.password,
        "dbname": place.database,
    }
    conninfo = " ".join(f"{name}={value}" for name, value in words.items())
    options = f"create_slot = false, slot_name = '{_SLOT}', copy_data = false, enabled = false"
    run(target, f"CREATE SUBSCRIPTION {_SLOT} CONNECTION '{conninfo}' PUBLICATION {_SLOT} WITH ({options})")
    try:
        yield _SLOT
    finally:
        run(target, f"ALTER SUBSCRIPTION {_SLOT} DISABLE")
        run(target, f"DROP SUBSCRIPTION {_SLOT}")
        run(origin, f"DROP PUBLICATION {_SLOT}")
