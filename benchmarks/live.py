"""Pipelines and native replication that run while something is written: for latency, recovery's start and scale."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import agent, servers
from benchmarks.agent import Place, Running
from benchmarks.peers.native import subscription
from benchmarks.rounds import SOURCE
from benchmarks.servers import Engine, Rig, run

TARGET: Final = "bench_live"
_TABLE: Final = "CREATE TABLE {name} (id bigint PRIMARY KEY, note varchar(100))"


@dataclass(frozen=True, slots=True)
class Link:
    """Tables of a source that something replicates to a target."""

    source: Place
    target: Any
    """A connection."""
    tables: Sequence[str]
    alive: Callable[[], None]
    """Raises when it has ended."""
    running: Running | None = None


@contextlib.contextmanager
def by_agent(rig: Rig, source: Engine, target: Engine, tables: Sequence[str], *, pipelines: int = 1) -> Iterator[Link]:
    """The tables dealt out to so many pipelines of one agent, which has just been started.

    A row with the id 0 waits in every table.
    """
    with _databases(rig, source, target, tables) as (origin, place, connection):
        chosen = [
            agent.Pipeline(f"live-{number}", origin, place, tables[number::pipelines]) for number in range(pipelines)
        ]
        with agent.set_up(chosen) as ready:
            _first_rows(origin, tables)
            with ready.running() as running:
                yield Link(origin, connection, tables, running.alive, running)


@contextlib.contextmanager
def by_native(rig: Rig, tables: Sequence[str]) -> Iterator[Link]:
    """PostgreSQL's own replication of the tables, just enabled, with the same rows waiting."""
    with (
        _databases(rig, "postgresql", "postgresql", tables) as (origin, _, connection),
        contextlib.closing(origin.server.connect(origin.database)) as administrator,
        subscription(origin, administrator, connection, tables) as name,
    ):
        _first_rows(origin, tables)
        run(connection, f"ALTER SUBSCRIPTION {name} ENABLE")
        yield Link(origin, connection, tables, lambda: None)


def _first_rows(place: Place, tables: Sequence[str]) -> None:
    with contextlib.closing(place.server.connect(place.database)) as connection:
        for table in tables:
            run(connection, f"INSERT INTO {table} VALUES (0, 'the first row')")


@contextlib.contextmanager
def _databases(rig: Rig, source: Engine, target: Engine, tables: Sequence[str]) -> Iterator[tuple[Place, Place, Any]]:
    origin, place = Place(rig.source[source], SOURCE), Place(rig.target[target], TARGET)
    with (
        servers.database(origin.server, origin.database) as here,
        servers.database(place.server, place.database) as there,
    ):
        for connection in (here, there):
            for name in tables:
                run(connection, _TABLE.format(name=name))
        yield origin, place, there
