"""Rows that enter beside the stream, in every pairing: the target ends equal to the source, and a kill leaves no half."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdc_agent.config.load import load
from cdc_agent.errors import SourceUnavailable
from cdc_agent.tables.registry import tables
from tests.support import engines, workloads
from tests.support.entering import copy, running
from tests.support.oracle import assert_equal, wait_until_equal
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline, schema, transactional
from tests.support.waiting import wait_until
from tests.support.workers import Worker

ROWS = 400


class Churn(Worker):
    """Changes, deletes, moves and makes anew rows of `people`, whichever, until told to stop."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._random = random.Random(11)
        self._stop_now = threading.Event()
        self.commits = 0

    def work(self) -> None:
        with contextlib.closing(transactional(self._database)) as connection:
            while not self._stop_now.wait(0.002):
                for _ in range(self._random.choice((1, 1, 3))):
                    self._change(connection)
                connection.commit()
                self.commits += 1

    def finish(self) -> None:
        self._stop_now.set()
        super().finish()

    def _change(self, connection: object) -> None:
        number, other, roll = self._random.randrange(ROWS), self._random.randrange(ROWS), self._random.random()
        if roll < 0.5:
            statement = f"UPDATE people SET balance = {self._random.randrange(10**6)} WHERE id = {number}"
        elif roll < 0.7:
            statement = f"DELETE FROM people WHERE id = {number}"
        elif roll < 0.8:
            statement = f"UPDATE people SET id = {ROWS + 10 * self.commits + number % 10} WHERE id = {number}"
        else:
            statement = (
                f"INSERT INTO people (id, name, active) SELECT {number}, 'again', true FROM (SELECT 1 AS x) AS one"
                f" WHERE NOT EXISTS (SELECT 1 FROM people WHERE id = {number}) AND {other} >= 0"
            )
        engines.run(connection, statement)  # type: ignore[arg-type]


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def prepared(folder: Path, pair: tuple[Server, Server], stack: contextlib.ExitStack, rows: int) -> Sync:
    """A pipeline that is set up behind rows that its log does not hold any more, so that only the entrance brings them."""
    source, target = (server.create_database("entrance") for server in pair)
    for database in (source, target):
        database.run(workloads.PEOPLE_POSTGRES if database.server.is_postgres else workloads.PEOPLE_MYSQL)
    with contextlib.closing(transactional(source)) as connection:
        for number in range(rows):
            engines.run(connection, f"INSERT INTO people (id, name, active, note) VALUES ({number}, 'n', true, 'é')")
        connection.commit()
    settings = pipeline(("here", source), ("there", target), ["people"])
    sync = Sync(folder, {"here": source, "there": target}, {"p": settings})
    stack.enter_context(contextlib.closing(sync))
    sync.setup()
    return sync


def test_rows_enter_while_their_table_changes(
    every_pair: tuple[Server, Server], tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """While the source's rows are changed, deleted, moved and made anew, chunks of them enter, again and again in small
    and large ones; in the end the target holds what the source holds.
    """
    sync = prepared(tmp_path, every_pair, stack, ROWS)
    source, target = sync.databases["here"], sync.databases["there"]
    config = load(sync.file)
    reader = stack.enter_context(
        contextlib.closing(tables(config.databases["here"], "enters rows", unavailable=SourceUnavailable))
    )
    name = (schema(source), "people")
    churn = Churn(source)
    with running(config, sync.named("p")) as one:
        churn.start()
        outcomes = [*copy(reader, one, name, 40), *copy(reader, one, name, 7), *copy(reader, one, name, 1000)]
        while not any(outcome.passed_over for outcome in outcomes):  # until a change has met rows that were read
            outcomes += copy(reader, one, name, 7)
        churn.finish()
        wait_until_equal(source, target, ["people"])
    assert churn.commits
    assert sum(outcome.written for outcome in outcomes) > ROWS
    assert [refusal for outcome in outcomes for refusal in outcome.refused] == []


def test_an_idle_pipeline_takes_rows_at_once(
    every_pair: tuple[Server, Server], tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """Nothing else happens on the source: the log's end is asked for, and the rows need no change to follow them."""
    sync = prepared(tmp_path, every_pair, stack, 30)
    source, target = sync.databases["here"], sync.databases["there"]
    config = load(sync.file)
    reader = stack.enter_context(
        contextlib.closing(tables(config.databases["here"], "enters rows", unavailable=SourceUnavailable))
    )
    with running(config, sync.named("p")) as one:
        copy(reader, one, (schema(source), "people"), 10)
        assert_equal(source, target, ["people"])


CHUNK = 25


def test_a_kill_leaves_no_chunk_half(
    every_pair: tuple[Server, Server], tmp_path: Path, stack: contextlib.ExitStack, kills: int
) -> None:
    """Whenever somebody looks, and after every kill, the target holds whole chunks, and the checkpoint counts them."""
    sync = prepared(tmp_path, every_pair, stack, 40 * CHUNK)
    source, target = sync.databases["here"], sync.databases["there"]
    line = [sys.executable, "-m", "tests.support.entering", str(sync.file), sync.named("p"), schema(source), "people"]
    for life in range(kills + 1):
        process = subprocess.Popen([*line, str(CHUNK)], cwd=Path(__file__).parents[2])
        stack.callback(process.kill)
        goal = (life + 1) * 5 * CHUNK
        wait_until(lambda: process.poll() is not None or looked(sync, target, first=life == 0) >= goal, timeout=180)  # noqa: B023
        if life < kills:
            process.kill()
        process.wait(120)
        looked(sync, target, first=life == 0)
    assert process.returncode == 0
    assert_equal(source, target, ["people"])


def looked(sync: Sync, target: Database, *, first: bool) -> int:
    """The rows that are there now, in one look with the checkpoint's count of them."""
    ((rows, changes),) = target.run(
        "SELECT (SELECT count(*) FROM people), (SELECT changes FROM cdc_agent.checkpoint WHERE pipeline = %s)",
        (sync.named("p"),),
    )
    assert rows % CHUNK == 0
    assert changes % CHUNK == 0
    assert changes == rows if first else changes >= rows
    return int(rows)
