"""A pipeline whose tables change: it waits, is helped or told to go on, follows, and is killed in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdc_agent import failpoints
from tests.conftest import Pairing
from tests.support.servers import Database
from tests.support.sync import Sync, pipeline, schema
from tests.support.waiting import wait_until


@pytest.fixture
def sync(pairing: Pairing, tmp_path: Path) -> Iterator[Sync]:
    """One pipeline over a table `t`, set up."""
    databases: dict[str, Database] = {
        "one": pairing.source.create_database("one"),
        "other": pairing.target.create_database("other"),
    }
    for database in databases.values():
        database.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(9))")
    there = pipeline(("one", databases["one"]), ("other", databases["other"]), ["t"])
    sync = Sync(tmp_path, databases, {"there": there})
    sync.setup()
    yield sync
    sync.environment = {}
    sync.close()


def states(sync: Sync) -> list[tuple[Any, ...]]:
    return sync.databases["other"].run(
        "SELECT state, code FROM cdc_agent.table_state WHERE pipeline = %s", (sync.named("there"),)
    )


def findings(sync: Sync) -> set[str]:
    found = json.loads(sync.command("check", "--json", check=False).out)["findings"]
    return {one["code"] for one in found}


def waiting(sync: Sync) -> bool:
    return [one for one, _ in states(sync)] == ["waiting"]


def rows(sync: Sync, columns: str = "id, name") -> list[tuple[Any, ...]]:
    return sync.databases["other"].run(f"SELECT {columns} FROM t ORDER BY id")


def add_column(sync: Sync) -> None:
    one = sync.databases["one"]
    one.run("INSERT INTO t VALUES (1, 'Ann')")
    one.run("ALTER TABLE t ADD COLUMN phone varchar(9)")
    one.run("INSERT INTO t VALUES (2, 'Bob', '+2')")


def test_a_waiting_agent_goes_on_by_itself_once_the_target_has_followed(sync: Sync) -> None:
    """All before the change is there, nothing behind it; status and check say what for; no restart is needed."""
    process = sync.start()
    add_column(sync)
    wait_until(lambda: waiting(sync), timeout=30, what="the pipeline waits")
    assert rows(sync) == [(1, "Ann")]
    (seen,) = sync.status()
    assert seen["last_error"].startswith("SC001")
    assert "PF067" in findings(sync)
    sync.databases["other"].run("ALTER TABLE t ADD COLUMN phone varchar(9)")
    wait_until(lambda: len(rows(sync)) == 2, timeout=60, what="the agent goes on")
    assert rows(sync, "id, name, phone") == [(1, "Ann", None), (2, "Bob", "+2")]
    assert states(sync) == [("streaming", "")]
    assert sync.stop(process) == 0
    assert sync.log().count("pipeline_waits") == 1


def test_what_a_person_accepts_goes_on_and_is_audited(sync: Sync) -> None:
    """Each start stops until then; afterwards the pipeline goes on without the column, and the act is on record."""
    add_column(sync)
    for _ in range(2):
        done = sync.command("run", "--until-caught-up", check=False)
        assert (done.status, "SC001" in done.err, "ADD COLUMN" in done.err) == (1, True, True)
    assert "SC001" in sync.command("schema").out
    (told,) = json.loads(sync.command("schema", "accept", "--table", "t", "--json").out)["accepted"]
    assert told["code"] == "SC001"
    sync.catch_up()
    assert rows(sync) == [(1, "Ann"), (2, "Bob")]
    (audited,) = sync.databases["other"].run(
        "SELECT act, subject, details, digest FROM cdc_agent.audit WHERE pipeline = %s", (sync.named("there"),)
    )
    assert audited[0] == "schema accept"
    assert "phone" in audited[2]
    assert len(audited[3]) == 64
    assert sync.command("schema", "accept", "--table", "t", check=False).status == 2


def test_a_lost_target_column_stops_each_start(sync: Sync) -> None:
    """What was once replicated is remembered: SC002 until it is back."""
    one, other = sync.databases["one"], sync.databases["other"]
    one.run("INSERT INTO t VALUES (1, 'Ann')")
    sync.catch_up()
    other.run("ALTER TABLE t DROP COLUMN name")
    one.run("INSERT INTO t VALUES (2, 'Bob')")
    for _ in range(2):
        done = sync.command("run", "--until-caught-up", check=False)
        assert (done.status, "error SC002" in done.err) == (1, True), done.err
    other.run("ALTER TABLE t ADD COLUMN name varchar(9)")
    sync.catch_up()
    assert rows(sync) == [(1, None), (2, "Bob")]


def test_a_table_that_differs_is_shown_until_it_is_reconciled(sync: Sync) -> None:
    """`warn` goes on, and status and check name the table."""
    sync.pipelines = {"there": {**sync.pipelines["there"], "schema_changes": "warn"}}
    add_column(sync)
    sync.catch_up()
    assert rows(sync) == [(1, "Ann"), (2, "Bob")]
    name = f"{schema(sync.databases['one'])}.t"
    assert sync.status()[0]["differing"] == [name]
    assert "PF068" in findings(sync)
    sync.command("schema", "accept")
    assert sync.status()[0]["differing"] == []
    assert "PF068" not in findings(sync)


def test_a_partition_that_was_emptied_marks_its_table(sync: Sync) -> None:
    """The rows are gone from the source without one of them in its log: the target keeps them, and says so."""
    one = sync.databases["one"]
    if one.server.is_postgres:
        pytest.skip("PostgreSQL's log holds no such statement (docs/guarantees.md)")
    one.run("ALTER TABLE t PARTITION BY HASH (id) PARTITIONS 2")
    one.run("INSERT INTO t VALUES (1, 'Ann'), (2, 'Bob')")
    one.run("ALTER TABLE t TRUNCATE PARTITION p0")
    sync.catch_up()
    assert rows(sync) == [(1, "Ann"), (2, "Bob")]
    assert sync.status()[0]["differing"] == [f"{schema(one)}.t"]
    sync.command("schema", "accept")
    assert sync.status()[0]["differing"] == []


@pytest.mark.parametrize(
    "setting", ["target.alter:before:exit", "target.alter:after:exit", "target.remember:after:exit:2"]
)
def test_a_kill_around_a_followed_change_is_healed(sync: Sync, setting: str) -> None:
    """Whether the statement was run or not, the next start makes it whole, and every row is there."""
    sync.pipelines = {"there": {**sync.pipelines["there"], "schema_changes": "follow"}}
    add_column(sync)
    sync.environment = {failpoints.VARIABLE: setting}
    assert sync.command("run", "--until-caught-up", check=False).status == failpoints.EXIT_STATUS
    sync.environment = {}
    sync.catch_up()
    assert rows(sync, "id, name, phone") == [(1, "Ann", None), (2, "Bob", "+2")]
    assert states(sync) == [("streaming", "")]


def test_a_followed_change_does_not_come_back(sync: Sync) -> None:
    """In a two-way pair the other direction finds the column on both sides, and both go on."""
    one, other = sync.databases["one"], sync.databases["other"]
    back = pipeline(("other", other), ("one", one), ["t"], schema_changes="follow")
    sync.pipelines = {"there": {**sync.pipelines["there"], "schema_changes": "follow"}, "back": back}
    sync.setup()
    sync.start()
    add_column(sync)
    wait_until(lambda: len(rows(sync)) == 2, timeout=60, what="the change is followed")
    other.run("INSERT INTO t (id, name, phone) VALUES (3, 'Cyd', '+3')")
    wait_until(
        lambda: one.run("SELECT phone FROM t WHERE id = 3") == [("+3",)], timeout=60, what="the new column comes back"
    )
    one.run("UPDATE t SET phone = '+1' WHERE id = 1")
    wait_until(lambda: rows(sync, "phone")[0] == ("+1",), timeout=60, what="and goes on")
    assert one.run("SELECT id, name, phone FROM t ORDER BY id") == rows(sync, "id, name, phone")
