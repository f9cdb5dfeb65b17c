"""Databases that feed each other: both sides equal, every transaction once, and silence afterwards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import workloads
from tests.support.oracle import assert_equal
from tests.support.servers import Database, Server
from tests.support.sync import Sync, activity, pipeline, transactional
from tests.support.waiting import wait_until
from tests.support.workloads import RandomWriter


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def people(server: Server) -> Database:
    database = server.create_database("people")
    database.run(workloads.PEOPLE_POSTGRES if server.is_postgres else workloads.PEOPLE_MYSQL)
    return database


def link(folder: Path, databases: dict[str, Database], pairs: Sequence[tuple[str, str]]) -> Sync:
    """A configuration with a pipeline for each pair of names."""
    return Sync(
        folder,
        databases,
        {f"{a}-to-{b}": pipeline((a, databases[a]), (b, databases[b]), ["people"]) for a, b in pairs},
    )


def write_on_all(databases: dict[str, Database], seconds: float) -> dict[str, int]:
    """Random writers on disjoint keys, one for each database; commits by name."""
    writers = {
        name: RandomWriter(
            lambda database=database: transactional(database),  # type: ignore[misc]
            seed=7 + number,
            modulus=len(databases),
            remainder=number,
            seconds=seconds,
            pause=0.004,
        )
        for number, (name, database) in enumerate(databases.items())
    }
    for writer in writers.values():
        writer.start()
    for writer in writers.values():
        writer.finish()
    return {name: writer.commits for name, writer in writers.items()}


class Stillness:
    """For how long no database's log has moved."""

    def __init__(self, databases: dict[str, Database]) -> None:
        self._databases = databases
        self._marks: list[tuple[str, ...]] = []
        self._since = time.monotonic()

    def lasts(self, seconds: float) -> bool:
        """Look at every log; True once nothing has moved for `seconds`."""
        marks = [activity(database) for database in self._databases.values()]
        if marks != self._marks:
            self._marks, self._since = marks, time.monotonic()
        return time.monotonic() - self._since >= seconds


def assert_silence(databases: dict[str, Database], seconds: float) -> None:
    """Once the last echoes' positions are written, no database's log moves for `seconds`.

    An agent that a busy machine did not let run may write one late; databases that wake each other never stand still.
    """
    stillness = Stillness(databases)
    wait_until(lambda: stillness.lasts(seconds), timeout=120, what=f"the logs stand still for {seconds} s")


def test_two_databases_feed_each_other(
    tmp_path: Path, stack: contextlib.ExitStack, quiet_crossing: tuple[Server, ...], seconds: float
) -> None:
    """Random writers on both sides on disjoint keys: equal rows, every local transaction applied once, then silence."""
    databases = {"a": people(quiet_crossing[0]), "b": people(quiet_crossing[1])}
    sync = link(tmp_path, databases, [("a", "b"), ("b", "a")])
    stack.callback(sync.close)
    sync.setup()
    sync.start()
    commits = write_on_all(databases, seconds)
    for here, there in (("a", "b"), ("b", "a")):
        sync.wait_for_transactions(f"{here}-to-{there}", commits[here])
    assert_equal(databases["a"], databases["b"], ["people"])
    assert_silence(databases, min(10.0, seconds))
    for here, there in (("a", "b"), ("b", "a")):
        assert sync.checkpoint(f"{here}-to-{there}")["transactions"] == commits[here]
        assert sync.checkpoint(f"{here}-to-{there}")["quarantined"] == 0


def test_a_star_of_three(tmp_path: Path, stack: contextlib.ExitStack, star: tuple[Server, ...], seconds: float) -> None:
    """A–hub–C: what A writes reaches C through the hub, returns to neither, and all three end equal and silent."""
    databases = dict(zip(("a", "hub", "c"), map(people, star), strict=True))
    sync = link(tmp_path, databases, [("a", "hub"), ("hub", "a"), ("hub", "c"), ("c", "hub")])
    stack.callback(sync.close)
    sync.setup()
    sync.start()
    commits = write_on_all(databases, seconds)
    expected = {
        "a-to-hub": commits["a"],
        "c-to-hub": commits["c"],
        "hub-to-a": commits["hub"] + commits["c"],
        "hub-to-c": commits["hub"] + commits["a"],
    }
    for name, count in expected.items():
        _wait_for_rows(sync, name, count)
    wait_until(lambda: _equal(databases), timeout=120, what="three equal databases")
    assert_silence(databases, min(10.0, seconds))
    for name in ("a-to-hub", "c-to-hub"):
        assert sync.checkpoint(name)["transactions"] == expected[name]


def _wait_for_rows(sync: Sync, name: str, count: int) -> None:
    """A hub may forward several of A's transactions as the one that it got them in."""
    if name.startswith("hub"):
        wait_until(lambda: sync.checkpoint(name).get("transactions", 0) > 0, what=name)
    else:
        sync.wait_for_transactions(name, count)


def _equal(databases: dict[str, Database]) -> bool:
    try:
        for other in ("a", "c"):
            assert_equal(databases["hub"], databases[other], ["people"])
    except AssertionError:
        return False
    return True


def test_a_second_agent_takes_over(
    tmp_path: Path, stack: contextlib.ExitStack, crossing: tuple[Server, Server], seconds: float
) -> None:
    """Two agents on one file: the first stops with CK002 naming the other, and no transaction is applied twice."""
    databases = {"a": people(crossing[0]), "b": people(crossing[1])}
    sync = link(tmp_path, databases, [("a", "b")])
    stack.callback(sync.close)
    sync.setup()
    first = sync.start()
    sync.wait_for_transactions("a-to-b", 0)
    writer = RandomWriter(lambda: transactional(databases["a"]), seed=3, seconds=seconds + 2, pause=0.004)
    writer.start()
    sync.wait_for_transactions("a-to-b", 5)
    second = sync.start()
    wait_until(lambda: first.poll() is not None, what="one of the two agents stops")
    sync.running.remove(first)
    assert first.returncode == 1
    assert second.poll() is None
    assert "CK002" in sync.log()
    writer.finish()
    sync.wait_for_transactions("a-to-b", writer.commits)
    assert sync.checkpoint("a-to-b")["transactions"] == writer.commits
    assert_equal(databases["a"], databases["b"], ["people"])
