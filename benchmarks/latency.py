"""Milliseconds from a commit on the source until a reader of the target sees the row, at a steady rate of commits.

The reader asks for the highest number on the target in a tight loop; whatever is at or below it became visible since
the last look. The writer is paced; a late writer counts from its real commit.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.throughput import config_file, new_database
from cdc_agent.demo.servers import RunningServer

TABLE = "CREATE TABLE {name} (id bigint PRIMARY KEY, note varchar(100))"
WARM_UP = 50
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds."""

    what: str
    rate: float
    """Transactions a second that the writer reached."""
    median: float
    p99: float
    worst: float


def agent(source: RunningServer, target: RunningServer, rate: int, seconds: float, tag: str) -> Percentiles:
    """Through one pipeline of the agent."""
    names = (f"lat_{tag}_s", f"lat_{tag}_t")
    with _databases(source, target, names) as (origin, destination), tempfile.TemporaryDirectory() as folder:
        config = config_file(Path(folder), source, target, names)
        command = [sys.executable, "-m", "cdc_agent"]
        subprocess.run([*command, "setup", "-c", config], check=True, capture_output=True)
        process = subprocess.Popen(
            [*command, "run", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return _measure(f"{source.engine} → {target.engine}", origin, destination, "rows_target", rate, seconds)
        finally:
            process.terminate()
            process.wait(20)
            subprocess.run([*command, "teardown", "-c", config, "--yes"], check=True, capture_output=True)


def native(server: RunningServer, rate: int, seconds: float, tag: str) -> Percentiles:
    """Through PostgreSQL's own logical replication."""
    names = (f"latn_{tag}_s", f"latn_{tag}_t")
    with _databases(server, server, names, target_table="rows_source") as (origin, destination):
        origin.execute("CREATE PUBLICATION bench FOR TABLE rows_source")
        origin.execute(f"SELECT pg_create_logical_replication_slot('{names[0]}', 'pgoutput')")
        conninfo = f"host=127.0.0.1 port={server.port} user={server.user} password={server.password} dbname={names[0]}"
        destination.execute(
            f"CREATE SUBSCRIPTION {names[1]} CONNECTION '{conninfo}' PUBLICATION bench"
            f" WITH (create_slot = false, slot_name = '{names[0]}', copy_data = false)"
        )
        try:
            return _measure("postgresql native", origin, destination, "rows_source", rate, seconds)
        finally:
            destination.execute(f"DROP SUBSCRIPTION {names[1]}")


@contextlib.contextmanager
def _databases(
    source: RunningServer, target: RunningServer, names: tuple[str, str], target_table: str = "rows_target"
) -> Iterator[tuple[Any, Any]]:
    with (
        contextlib.closing(new_database(source, names[0])) as origin,
        contextlib.closing(new_database(target, names[1])) as destination,
    ):
        for connection, table in ((origin, "rows_source"), (destination, target_table)):
            with connection.cursor() as cursor:
                cursor.execute(TABLE.format(name=table))
        yield origin, destination


def _measure(what: str, origin: Any, destination: Any, table: str, rate: int, seconds: float) -> Percentiles:
    committed: list[float] = []
    count = WARM_UP + int(rate * seconds)
    writer = threading.Thread(target=_write, args=(origin, rate, count, committed), daemon=True)
    writer.start()
    seen = _watch(destination, table, count)
    writer.join()
    waits = sorted((there - here) * 1000 for here, there in zip(committed[WARM_UP:], seen[WARM_UP:], strict=True))
    reached = (len(committed) - 1) / (committed[-1] - committed[0])
    return Percentiles(what, reached, waits[len(waits) // 2], waits[int(len(waits) * 0.99)], waits[-1])


def _write(origin: Any, rate: int, count: int, committed: list[float]) -> None:
    start = time.perf_counter() + 1.0
    with origin.cursor() as cursor:
        for number in range(count):
            time.sleep(max(0.0, start + number / rate - time.perf_counter()))
            cursor.execute("INSERT INTO rows_source VALUES (%s, 'a row of the latency benchmark')", (number,))
            committed.append(time.perf_counter())


def _watch(destination: Any, table: str, count: int) -> list[float]:
    seen: list[float] = []
    deadline = time.perf_counter() + TIMEOUT_SECONDS * 4
    with destination.cursor() as cursor:
        while len(seen) < count:
            cursor.execute(f"SELECT max(id) FROM {table}")
            highest = cursor.fetchone()[0]
            now = time.perf_counter()
            if now > deadline:
                raise RuntimeError(f"only {len(seen)} of {count} rows arrived")
            if highest is not None:
                seen.extend([now] * (highest + 1 - len(seen)))
            time.sleep(0.0005)
    return seen
