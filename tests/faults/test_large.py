"""A source transaction of any size is applied atomically and in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline
from tests.support.waiting import wait_until

POSTGRES = "CREATE TABLE big (id bigint PRIMARY KEY, a text, b numeric(10, 2), c timestamp(6))"
MYSQL = "CREATE TABLE big (id BIGINT PRIMARY KEY, a TEXT, b DECIMAL(10, 2), c DATETIME(6))"
FILL_POSTGRES = (
    "INSERT INTO big SELECT i, 'row number ' || i, i % 1000 / 10.0, timestamp '2026-01-01' + i * interval '1 second'"
    " FROM generate_series(1, {rows}) AS i"
)
FILL_MYSQL = (
    "SET SESSION {depth} = {rows} + 1;"
    "INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    " SELECT i, CONCAT('row number ', i), i % 1000 / 10, '2026-01-01' + INTERVAL i SECOND FROM n"
)
PEAK_BYTES = 300 * 1024 * 1024


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def fill(database: Database, rows: int) -> None:
    if database.engine == "postgres":
        database.run(FILL_POSTGRES.format(rows=rows))
    else:
        depth = "max_recursive_iterations" if database.engine == "mariadb" else "cte_max_recursion_depth"
        database.run(FILL_MYSQL.format(rows=rows, depth=depth))


def test_a_large_transaction_is_atomic_and_bounded(
    tmp_path: Path, stack: contextlib.ExitStack, every_pair: tuple[Server, Server], large_rows: int
) -> None:
    """Any reader sees none or all of its rows, and the agent's memory stays below 300 MB."""
    origin, destination = (server.create_database("big") for server in every_pair)
    for database in (origin, destination):
        database.run(POSTGRES if database.engine == "postgres" else MYSQL)
    sync = Sync(
        tmp_path,
        {"a": origin, "b": destination},
        {"a-to-b": pipeline(("a", origin), ("b", destination), ["big"])},
    )
    stack.callback(sync.close)
    sync.setup()
    agent = psutil.Process(sync.start().pid)
    fill(origin, large_rows)
    peak = 0

    def complete() -> bool:
        nonlocal peak
        sync.raise_if_ended()
        peak = max(peak, agent.memory_info().rss)
        count = destination.run("SELECT count(*) FROM big")[0][0]
        assert count in (0, large_rows), "a reader of the target saw a part of the transaction"
        return bool(count)

    wait_until(complete, timeout=280, what=f"{large_rows} rows on the target")
    assert peak < PEAK_BYTES
    sums = "SELECT count(*), sum(id), sum(b), min(c), max(c), sum(length(a)) FROM big"
    assert [str(v) for v in origin.run(sums)[0]] == [str(v) for v in destination.run(sums)[0]]
