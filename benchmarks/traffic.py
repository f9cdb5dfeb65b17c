"""Commits at a steady rate on the source, and when a reader of the target sees each.

The writer is a process of its own, so that it and the reader do not wait for each other. A commit counts from when the
source's server answered it. The reader asks for the highest number in a tight loop; with several tables it asks for the
next row in order, so that a row counts as seen once all before it are.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import Final

from benchmarks.agent import Place
from benchmarks.live import Link
from benchmarks.rounds import Values
from benchmarks.servers import run

LEAD_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.0005
PATIENCE_SECONDS: Final = 120.0
WARM_UP: Final = 50
"""Rows at the beginning that are not counted."""


@dataclass(frozen=True, slots=True)
class _Order:
    source: Place
    tables: Sequence[str]
    first: int
    count: int
    rate: float


def percentiles(waits: Sequence[float]) -> Values:
    """Median, 95th and 99th percentile and worst of waits, by nearest rank."""
    ordered = sorted(waits)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    return {"median": median(ordered), "p95": at(0.95), "p99": at(0.99), "worst": ordered[-1]}


def measure(link: Link, *, first: int, rate: float, seconds: float) -> Values:
    """Milliseconds from commit to visible, and the rate that the writer reached (transactions a second)."""
    order = _Order(link.source, link.tables, first, WARM_UP + int(rate * seconds), rate)
    here, there = multiprocessing.get_context("spawn").Pipe()
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(there, order), daemon=True)
    writer.start()
    try:
        seen = _watch(link, order)
        committed: list[float] = here.recv()
    finally:
        writer.kill()
        writer.join()
    waits = [(after - before) * 1000 for before, after in zip(committed[WARM_UP:], seen[WARM_UP:], strict=True)]
    reached = (len(committed) - 1) / (committed[-1] - committed[0])
    return percentiles(waits) | {"reached": reached}


def first_rows(link: Link) -> float:
    """Wait until the target has the row that waited in every table; the seconds that it took."""
    started = time.perf_counter()
    for table in link.tables:
        while not run(link.target, f"SELECT 1 FROM {table} WHERE id = 0"):
            link.alive()
            if time.perf_counter() - started > PATIENCE_SECONDS:
                raise RuntimeError("the first row did not arrive")
            time.sleep(0.01)
    return time.perf_counter() - started


def _write(answer: Connection, order: _Order) -> None:
    committed: list[float] = []
    with contextlib.closing(order.source.server.connect(order.source.database)) as connection:
        start = time.perf_counter() + LEAD_SECONDS
        for number in range(order.count):
            time.sleep(max(0.0, start + number / order.rate - time.perf_counter()))
            table = order.tables[number % len(order.tables)]
            run(connection, f"INSERT INTO {table} VALUES ({order.first + number}, 'a row of the latency benchmark')")
            committed.append(time.perf_counter())
    answer.send(committed)


def _watch(link: Link, order: _Order) -> list[float]:
    seen: list[float] = []
    deadline = time.perf_counter() + order.count / order.rate + PATIENCE_SECONDS
    while len(seen) < order.count:
        table = link.tables[len(seen) % len(link.tables)]
        highest = run(link.target, f"SELECT max(id) FROM {table}")[0][0]
        now = time.perf_counter()
        arrived = -1 if highest is None else int(highest) - order.first
        if arrived >= len(seen):
            seen.extend([now] * (arrived + 1 - len(seen) if len(link.tables) == 1 else 1))
            continue
        if now > deadline:
            raise RuntimeError(f"only {len(seen)} of {order.count} rows arrived")
        link.alive()
        time.sleep(POLL_SECONDS)
    return seen
