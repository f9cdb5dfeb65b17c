"""One round: a backlog on each source, worked off by one contender after the other.

A contender gets ready before the backlog is written (a slot, a position, tables on the target), and runs once it is
there. Every round begins with another contender, so that none always has the machine at its coldest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from benchmarks import servers, workload
from benchmarks.agent import Place
from benchmarks.measured import Sample
from benchmarks.servers import Engine, Rig
from benchmarks.workload import Shape

Values: TypeAlias = "dict[str, float]"
SOURCE: str = "bench_source"


@dataclass(frozen=True, slots=True)
class Round:
    """What contenders of one round share."""

    rig: Rig
    shape: Shape
    sources: Mapping[Engine, Any]
    """A connection to the source database of each engine."""

    def source(self, engine: Engine) -> Place:
        return Place(self.rig.source[engine], SOURCE)

    @contextlib.contextmanager
    def target(self, engine: Engine, name: str) -> Iterator[tuple[Place, Any]]:
        """A database with the tables on the target's server, and a connection."""
        server = self.rig.target[engine]
        database = "bench_" + name.replace("-", "_")
        with servers.database(server, database) as connection:
            workload.create(connection, engine, self.shape)
            yield Place(server, database), connection


class Ready(Protocol):
    """A contender that waits for the backlog."""

    def run(self) -> Values:
        """Work the backlog off; what it took. Called once."""
        ...


class Contender(Protocol):
    """The agent in one pairing, or a peer."""

    @property
    def name(self) -> str:
        """As the tables show it."""
        ...

    @property
    def source(self) -> Engine:
        """Whose backlog it works off."""
        ...

    def ready(self, around: Round) -> contextlib.AbstractContextManager[Ready]:
        """Prepare for the backlog; what was prepared goes with the context."""
        ...


def play(
    rig: Rig, shape: Shape, contenders: Sequence[Contender], *, figure: str, case: str, number: int
) -> list[Sample]:
    """One round of one case."""
    engines = list(dict.fromkeys(contender.source for contender in contenders))
    with ExitStack() as stack:
        sources = {engine: stack.enter_context(servers.database(rig.source[engine], SOURCE)) for engine in engines}
        for engine, connection in sources.items():
            workload.create(connection, engine, shape)
        around = Round(rig, shape, sources)
        waiting = [(one, stack.enter_context(one.ready(around))) for one in contenders]
        for engine, connection in sources.items():
            workload.write(connection, engine, shape)
            servers.settle(rig.source[engine])
        turn = number % len(waiting)
        samples = [
            Sample(figure, case, one.name, number, ready.run()) for one, ready in waiting[turn:] + waiting[:turn]
        ]
    for side in (rig.source, rig.target):
        for server in side.values():
            servers.drop_logs(server)
    return samples
