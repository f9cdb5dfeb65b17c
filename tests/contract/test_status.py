"""`status` against real servers, with and without a running agent; and how `run` ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Pairing
from tests.support.servers import Database
from tests.support.sync import Sync, pipeline
from tests.support.waiting import wait_until


@pytest.fixture
def sync(pairing: Pairing, tmp_path: Path) -> Iterator[Sync]:
    """One pipeline over a table `t`."""
    databases: dict[str, Database] = {
        "one": pairing.source.create_database("one"),
        "other": pairing.target.create_database("other"),
    }
    for database in databases.values():
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    there = pipeline(("one", databases["one"]), ("other", databases["other"]), ["t"])
    sync = Sync(tmp_path, databases, {"there": there})
    yield sync
    sync.close()


def test_status_follows_a_pipeline_through_its_life(sync: Sync) -> None:
    """Not set up, stopped, running with counts, stopped again: each as the two databases show it."""
    assert [one["state"] for one in sync.status()] == ["not set up"]
    sync.setup()
    assert [one["state"] for one in sync.status()] == ["stopped"]
    process = sync.start()
    sync.databases["one"].run("INSERT INTO t VALUES (1)")
    sync.wait_for_transactions("there", 1)
    wait_until(lambda: sync.status()[0]["state"] == "running", what="status says running")
    (seen,) = sync.status()
    assert (seen["transactions"], seen["changes"], seen["quarantined"], seen["generation"]) == (1, 1, 0, 1)
    assert seen["checkpoint"].split(":")[0] in ("lsn", "binlog")
    assert seen["lag_bytes"] >= 0
    assert seen["host"]
    sync.stop(process)
    wait_until(lambda: sync.status()[0]["state"] == "stopped", what="status says stopped")


def test_a_stopped_pipeline_shows_what_it_has_not_read(sync: Sync) -> None:
    """Log behind the checkpoint is lag, in bytes and in seconds since the last applied commit."""
    sync.setup()
    sync.databases["one"].run("INSERT INTO t VALUES (1)")
    sync.catch_up()
    before = sync.status()[0]["lag_bytes"]
    rows = ", ".join(f"({number})" for number in range(2, 2000))
    sync.databases["one"].run(f"INSERT INTO t VALUES {rows}")
    (seen,) = sync.status()
    assert seen["lag_bytes"] > before + 2000
    assert seen["lag_seconds"] >= 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_running_agent_in_order(sync: Sync, number: signal.Signals) -> None:
    """Both signals stop a streaming agent soon, with exit status 0."""
    sync.setup()
    process = sync.start()
    sync.databases["one"].run("INSERT INTO t VALUES (1)")
    sync.wait_for_transactions("there", 1)
    assert sync.stop(process, how=number) == 0


def test_a_pipeline_that_is_not_set_up_stops_run(sync: Sync) -> None:
    """`run` without `setup` ends with 1 and CK001, and says what to do."""
    done = sync.command("run", check=False)
    assert done.status == 1
    assert "error CK001" in done.err
    assert "cdc-agent setup" in done.err


def test_quarantine_lists_rows_and_shows_values_only_when_asked(pairing: Pairing, tmp_path: Path) -> None:
    """A refused row is listed with its reason; its values are shown with --show-values alone."""
    source, target = pairing.source.create_database("one"), pairing.target.create_database("other")
    source.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(50))")
    target.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(5))")
    sync = Sync(tmp_path, {"one": source, "other": target}, {})
    sync.pipelines = {"there": pipeline(("one", source), ("other", target), ["t"])}
    try:
        sync.setup()
        source.run("INSERT INTO t VALUES (1, 'fits'), (2, 'canary-too-long')")
        sync.catch_up()
        assert target.run("SELECT id FROM t") == [(1,)]
        hidden = sync.command("quarantine", "--json").out
        (row,) = json.loads(hidden)["pipelines"][0]["rows"]
        assert (row["state"], row["operation"], row["column_name"]) == ("waiting", "insert", "name")
        assert row["reason"]
        assert "canary" not in hidden
        assert "canary" not in sync.command("quarantine").out
        assert "canary-too-long" in sync.command("quarantine", "--show-values", "--json").out
        assert sync.status()[0]["quarantined"] == 1
    finally:
        sync.close()
