"""Whatever step fails, before or after it has worked, by the end of the process or by an error: nothing is lost or twice.

Each failpoint of the agent with each way to fail. A short run takes each through one pairing of engines, in rotation;
`CDC_TEST_SLOW=1` takes each through all four.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cdc_agent import failpoints
from tests.faults.conftest import SLOW
from tests.support import engines, servers
from tests.support.commandline import Done
from tests.support.oracle import Match, assert_equal
from tests.support.servers import Database, ServerSpec
from tests.support.sync import Sync, pipeline, transactional
from tests.support.waiting import wait_until

NAME = "there"
WHENS = ("before", "after")
ACTIONS = ("exit", "raise")
REFUSED = 61
TRANSACTIONS = 5
OF_POSTGRES_SOURCES = ("setup.publication", "setup.slot")
WITH_A_SLOT = ("setup.checkpoint",)
"""What fails there leaves most to put right on a source that has a slot: a short run takes it to one."""
OF_POSTGRES_TARGETS = ("setup.schema", "store.migration")
"""The store is made once in each of PostgreSQL's databases, but once in all on a server of MySQL, which others share."""
OF_UNLOGGED_KEYS = ("source.unlogged_keys",)
"""Asked for by setup, where the log holds nothing of what foreign keys do."""
FIRST: list[list[str]] = [
    ["INSERT INTO items VALUES " + ", ".join(f"({number}, 'c{number}', 'new', 'text')" for number in range(1, 51))],
    [
        "UPDATE items SET name = 'changed' WHERE id = 1",
        "DELETE FROM items WHERE id = 2",
        "UPDATE items SET id = 103 WHERE id = 3",
    ],
]
SECOND: list[list[str]] = [
    ["INSERT INTO items VALUES (60, 'same', 'taken', '')"],
    [f"INSERT INTO items VALUES ({REFUSED}, 'same', 'refused', '')", "UPDATE items SET name = 'again' WHERE id = 60"],
    ["UPDATE items SET name = 'seen late' WHERE id = 0"],
]
"""On the target `code` is unique; row 0 is older than the pipeline, and what the log has of it is not all of it."""


STEPS = {
    "test_a_run_that_fails_at_any_step_is_made_good": failpoints.TARGET + failpoints.SOURCE,
    "test_a_setup_that_fails_at_any_step_is_repeatable": failpoints.SETUP,
}


@dataclass(frozen=True)
class Case:
    """A failpoint, how it fails, and between which servers."""

    name: str
    when: str
    action: str
    source: ServerSpec
    target: ServerSpec

    def __str__(self) -> str:
        return f"{self.name}-{self.when}-{self.action}-{self.source}-to-{self.target}"

    @property
    def setting(self) -> str:
        """The variable's value. The claim of a second session needs a first one that fails."""
        failing = f"{self.name}:{self.when}:{self.action}"
        return f"target.commit:after:raise,{failing}" if self.name == "target.claim" else failing


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function.__name__ in STEPS:
        metafunc.parametrize("case", list(_cases(STEPS[metafunc.function.__name__])), ids=str)


def _cases(names: tuple[str, ...]) -> Iterator[Case]:
    pairs = _pairs()
    for number, (name, when, action) in enumerate(itertools.product(names, WHENS, ACTIONS)):
        fitting = [pair for pair in pairs if _fits(name, *pair)]
        if name in WITH_A_SLOT and not SLOW:
            fitting = [(source, target) for source, target in fitting if source.engine == "postgres"]
        for source, target in fitting if SLOW else [fitting[(number + number // 4) % len(fitting)]]:
            yield Case(name, when, action, source, target)


def _fits(name: str, source: ServerSpec, target: ServerSpec) -> bool:
    return (
        (source.engine == "postgres" or name not in OF_POSTGRES_SOURCES)
        and (source.engine == "mariadb" or name not in OF_UNLOGGED_KEYS)
        and (target.engine == "postgres" or name not in OF_POSTGRES_TARGETS)
    )


def _pairs() -> list[tuple[ServerSpec, ServerSpec]]:
    chosen = servers.selection()
    postgres, mysql = chosen.of("postgres")[-1:], [*chosen.of("mysql")[-1:], *chosen.of("mariadb")[:1]]
    if not postgres or not mysql:
        return []
    return [
        (postgres[0], mysql[0]),
        (mysql[-1], postgres[0]),
        (postgres[0], postgres[0]),
        (mysql[0], mysql[-1]),
    ]


@pytest.fixture
def sync(case: Case, tmp_path: Path) -> Iterator[Sync]:
    """A table on the source, and a pipeline that is not set up."""
    source, target = (servers.server(spec).create_database("fail") for spec in (case.source, case.target))
    text = "text" if source.engine == "postgres" else "LONGTEXT"
    source.run(
        f"CREATE TABLE items (id integer PRIMARY KEY, code varchar(20), name varchar(40), body {text} NOT NULL);"
        + ("ALTER TABLE items ALTER COLUMN body SET STORAGE EXTERNAL;" if source.engine == "postgres" else "")
        + "INSERT INTO items VALUES (0, 'old', 'old', repeat('x', 20000))"
    )
    sync = Sync(tmp_path, {"a": source, "b": target}, {NAME: pipeline(("a", source), ("b", target), ["items"])})
    yield sync
    sync.environment = {}
    sync.close()


def test_a_run_that_fails_at_any_step_is_made_good(case: Case, sync: Sync) -> None:
    """The run that failed, or the next one, brings every transaction over once, and the refused row is parked once."""
    _set_up(sync)
    sync.environment = {failpoints.VARIABLE: case.setting}
    struck = False
    for changes in (FIRST, SECOND):
        _commit(sync.databases["a"], changes)
        if not struck:
            struck = _struck(case, sync.command("run", "--until-caught-up", check=False))
    assert struck, f"{case.name} was never reached"
    sync.environment = {}
    sync.catch_up()
    _assert_once(sync)


def test_a_setup_that_fails_at_any_step_is_repeatable(case: Case, sync: Sync) -> None:
    """Setup again makes what is missing, and the pipeline runs from there."""
    sync.environment = {failpoints.VARIABLE: case.setting}
    assert _struck(case, _set_up(sync)), f"{case.name} was never reached"
    sync.environment = {}
    _set_up(sync)
    for changes in (FIRST, SECOND):
        _commit(sync.databases["a"], changes)
    sync.catch_up()
    _assert_once(sync)
    assert "created" not in sync.command("setup", "--create-tables", "--existing-rows", "ignore").out


@pytest.mark.parametrize("case", [Case("target.commit", "before", "hold", *pair) for pair in _pairs()[:2]], ids=str)
def test_an_agent_that_stands_still_before_its_commit_stops_nobody_for_ever(case: Case, sync: Sync) -> None:
    """Its rows are not seen; the one that takes over waits for the lock, and goes on once the sleeper is gone."""
    _set_up(sync)
    _commit(sync.databases["a"], FIRST)
    sync.environment = {failpoints.VARIABLE: case.setting}
    sleeper = sync.start("--until-caught-up")
    wait_until(lambda: "failpoint" in sync.log(), what="the agent stands still")
    assert sync.databases["b"].run("SELECT count(*) FROM items") == [(0,)]
    sync.stop(sleeper, how=signal.SIGKILL)
    sync.environment = {}
    _commit(sync.databases["a"], SECOND)
    sync.catch_up()
    _assert_once(sync)


def test_a_name_that_is_no_failpoint_is_an_error(tmp_path: Path) -> None:
    """A misspelt failpoint would make a test pass that tests nothing."""
    sync = Sync(tmp_path, {}, {}, environment={failpoints.VARIABLE: "target.comit:before:exit"})
    done = sync.command("setup", "--existing-rows", "ignore", check=False)
    assert done.status == 2
    assert "'target.comit' in 'target.comit:before:exit' is none of target.connect" in done.err


def _set_up(sync: Sync) -> Done:
    done = sync.command("setup", "--create-tables", "--existing-rows", "ignore", check=not sync.environment)
    if not done.status:
        sync.databases["b"].run("CREATE UNIQUE INDEX one_code ON items (code)")
    return done


def _struck(case: Case, done: Done) -> bool:
    """Whether the failpoint was reached, and the command ended as it must then."""
    struck = re.search(rf'"name": "{re.escape(case.name)}".*"event": "failpoint"', done.err) is not None
    if struck and case.action == "exit":
        assert done.status == failpoints.EXIT_STATUS
    elif struck and case.name in failpoints.SETUP:
        assert done.status == 1
        assert "error FP001" in done.err
    else:
        assert done.status == 0, done.err
    return struck


def _commit(source: Database, transactions: list[list[str]]) -> None:
    with contextlib.closing(transactional(source)) as connection:
        if source.engine != "postgres":
            engines.run(connection, "SET SESSION binlog_row_image = 'MINIMAL'")
        for statements in transactions:
            for statement in statements:
                engines.run(connection, statement)
            connection.commit()


def _assert_once(sync: Sync) -> None:
    source, target = sync.databases["a"], sync.databases["b"]
    assert_equal(source, target, [Match("items", where=f"id <> {REFUSED}")])
    found: dict[str, Any] = sync.checkpoint(NAME)
    assert (found["transactions"], found["quarantined"]) == (TRANSACTIONS, 1)
    parked = target.run("SELECT count(*) FROM cdc_agent.quarantine WHERE pipeline = %s", (sync.named(NAME),))
    assert parked == [(1,)]
