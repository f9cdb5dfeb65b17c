"""Two live sides that feed each other: the most one-row transactions a second on each, with a lag below a second.

One agent runs both directions; each side has a writer in a process of its own, whose commits do not wait for the disk.
The rate goes up by half until a row takes longer than the bound, or the writers no longer keep the pace; then the gap is
halved. With `before`, the interpreter of an older checkout, its agent takes part in the same rounds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from benchmarks import agent, servers, usage
from benchmarks.agent import Pipeline, Place, Running
from benchmarks.figures.backlogs import Plan, Say
from benchmarks.measured import Sample
from benchmarks.rounds import Values
from benchmarks.servers import TITLES, Engine, Rig, run

LAG_SECONDS: Final = 1.0
CASE: Final = "lag below 1 s"
BEFORE: Final = ", before"
_TABLE: Final = "two_way"
_DDL: Final = f"CREATE TABLE {_TABLE} (id bigint PRIMARY KEY, note varchar(100))"
_FIRST_RATE: Final = 200.0
_HALVINGS: Final = 3
_PACE: Final = 0.95
"""The share of a rate that a writer must reach."""
_POLL_SECONDS: Final = 0.02
_LEAD_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 120.0
_SIDE: Final = 1_000_000_000
"""The distance between the two sides' numbers."""


def two_way(rig: Rig, plan: Plan, seconds: float, before: str | None, say: Say) -> Iterator[list[Sample]]:
    """Every pair of engines once, with both agents in turn."""
    agents = {"": sys.executable} | ({BEFORE: before} if before else {})
    pairs = [(a, b) for a, b in plan.pairings() if plan.only or (a, b) != ("mysql", "postgresql")]
    for number in range(plan.repeat):
        turn = list(agents) if number % 2 == 0 else list(reversed(agents))
        for a, b in pairs:
            for suffix in turn:
                name = title(rig, a, b) + suffix
                say(f"two-way, {name}, round {number + 1} of {plan.repeat}")
                with _both(rig, a, b, agents[suffix]) as sides:
                    yield [Sample("two-way", CASE, name, number, _most(sides, seconds, say))]


def title(rig: Rig, a: Engine, b: Engine) -> str:
    """As the tables show a pair."""
    return f"{TITLES[rig.source[a].running.engine]} ⇄ {TITLES[rig.target[b].running.engine]}"


def highest(passes: Callable[[float], bool], first: float = _FIRST_RATE, halvings: int = _HALVINGS) -> float:
    """About the highest rate that passes: up by half until one does not, then the gap halved; 0 when none does."""
    low, high = 0.0, first
    while passes(high):
        low, high = high, high * 1.5
    for _ in range(halvings if low else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def worst_wait(committed: Sequence[float], seen: Sequence[tuple[float, int]]) -> float:
    """Seconds of the row in the run's second half that waited longest.

    `committed` are the rows' commit times in order, `seen` when how many of them were there. A row that was never seen
    waited for ever.
    """
    counts = [count for _, count in seen]
    waits = []
    for number in range(len(committed) // 2, len(committed)):
        at = bisect_left(counts, number + 1)
        waits.append(seen[at][0] - committed[number] if at < len(seen) else float("inf"))
    return max(waits)


@dataclass(frozen=True, slots=True)
class _Sides:
    places: tuple[Place, Place]
    readers: tuple[Any, Any]
    """Connections, on which the other side's rows are counted."""
    running: Running


@contextlib.contextmanager
def _both(rig: Rig, a: Engine, b: Engine, python: str) -> Iterator[_Sides]:
    places = (Place(rig.source[a], "bench_two_way"), Place(rig.target[b], "bench_two_way"))
    with contextlib.ExitStack() as stack:
        for place in places:
            stack.callback(_forget_agent, place)
        readers = [stack.enter_context(servers.database(place.server, place.database)) for place in places]
        for reader in readers:
            run(reader, _DDL)
        there = Pipeline("two-way-there", places[0], places[1], [_TABLE])
        back = Pipeline("two-way-back", places[1], places[0], [_TABLE])
        ready = stack.enter_context(agent.set_up([there, back], python=python))
        running = stack.enter_context(ready.running())
        yield _Sides(places, (readers[0], readers[1]), running)


def _forget_agent(place: Place) -> None:
    """On MySQL the agent's tables are the server's: the next agent, of another version, makes its own."""
    if place.server.engine == "mysql":
        with contextlib.closing(place.server.connect()) as connection:
            run(connection, "DROP DATABASE IF EXISTS cdc_agent")


def _most(sides: _Sides, seconds: float, say: Say) -> Values:
    passed: Values = {"rate": 0.0}
    first = 1

    def passes(rate: float) -> bool:
        nonlocal first, passed
        found = _at(sides, first, rate, seconds)
        first += int(rate * seconds)
        say(f"  {rate:.0f}/s: reached {found['rate']:.0f}, worst lag {found['worst']:.0f} ms")
        if found["worst"] >= LAG_SECONDS * 1000 or found["rate"] < _PACE * rate:
            return False
        passed = found
        return True

    highest(passes)
    return passed | {"peak_mib": usage.peak_mib(sides.running.process.pid)}


def _at(sides: _Sides, first: int, rate: float, seconds: float) -> Values:
    """Both sides at one rate, until all rows have arrived."""
    count = int(rate * seconds)
    spawn = multiprocessing.get_context("spawn")
    pipes = [spawn.Pipe() for _ in sides.places]
    numbers = [first + _SIDE * side for side in range(2)]
    writers = [
        spawn.Process(target=_write, args=(there, place, number, count, rate), daemon=True)
        for (_, there), place, number in zip(pipes, sides.places, numbers, strict=True)
    ]
    cpu, began = usage.cpu_seconds([sides.running.process.pid]), time.perf_counter()
    for writer in writers:
        writer.start()
    try:
        seen = _watch(sides, numbers, count, seconds)
        spent = usage.cpu_seconds([sides.running.process.pid]) - cpu
        committed: list[list[float]] = [here.recv() for here, _ in pipes]
    finally:
        for writer in writers:
            writer.kill()
            writer.join()
    return {
        "rate": min((count - 1) / (of[-1] - of[0]) for of in committed),
        "worst": max(worst_wait(of, there) for of, there in zip(committed, seen, strict=True)) * 1000,
        "agent_cores": spent / (time.perf_counter() - began),
    }


def _watch(sides: _Sides, numbers: Sequence[int], count: int, seconds: float) -> list[list[tuple[float, int]]]:
    """For each side's rows: when how many were on the other side."""
    seen: list[list[tuple[float, int]]] = [[(0.0, 0)], [(0.0, 0)]]
    deadline = time.perf_counter() + seconds + _PATIENCE_SECONDS
    while any(of[-1][1] < count for of in seen):
        for of, reader, number in zip(seen, reversed(sides.readers), numbers, strict=True):
            query = f"SELECT max(id) FROM {_TABLE} WHERE id BETWEEN {number} AND {number + count - 1}"
            last = run(reader, query)[0][0]
            of.append((time.perf_counter(), 0 if last is None else int(last) - number + 1))
        if time.perf_counter() > deadline:
            raise RuntimeError("the rows of two live sides did not all arrive")
        sides.running.alive()
        time.sleep(_POLL_SECONDS)
    return seen


def _write(answer: Connection, place: Place, first: int, count: int, rate: float) -> None:
    committed: list[float] = []
    with contextlib.closing(place.server.connect(place.database)) as connection:
        if place.server.engine == "postgresql":
            run(connection, "SET synchronous_commit = off")
        else:
            run(connection, "SET GLOBAL innodb_flush_log_at_trx_commit = 0")
            run(connection, "SET GLOBAL sync_binlog = 0")
        start = time.perf_counter() + _LEAD_SECONDS
        for number in range(count):
            time.sleep(max(0.0, start + number / rate - time.perf_counter()))
            run(connection, f"INSERT INTO {_TABLE} VALUES ({first + number}, 'a row of one of two live sides')")
            committed.append(time.perf_counter())
    answer.send(committed)
