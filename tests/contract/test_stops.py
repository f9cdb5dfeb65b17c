"""What stops a pipeline for a person: each with its code on standard error, exit status 1, and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdc_agent.errors import (
    ColumnGone,
    ForeignCheckpoint,
    PositionUnreadable,
    RefusalStorm,
    TargetTableMissing,
    ValueRefused,
)
from tests.conftest import Pairing
from tests.support.sync import Sync, pipeline


@pytest.fixture
def sync(pairing: Pairing, tmp_path: Path) -> Iterator[Sync]:
    """One pipeline over a table `t`, set up, with one row on its way."""
    source, target = pairing.source.create_database("one"), pairing.target.create_database("other")
    source.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(50), extra integer)")
    target.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(5), extra integer)")
    sync = Sync(
        tmp_path, {"one": source, "other": target}, {"there": pipeline(("one", source), ("other", target), ["t"])}
    )
    sync.setup()
    source.run("INSERT INTO t (id, name) VALUES (1, 'one')")
    yield sync
    sync.close()


def stopped_by(sync: Sync, code: str) -> str:
    """Run until it stops; its message on standard error."""
    done = sync.command("run", "--until-caught-up", check=False)
    assert done.status == 1, done.err
    assert f"error {code}: " in done.err
    return done.err


def change_checkpoint(sync: Sync, column: str, value: str) -> None:
    target = sync.databases["other"]
    quoted = f'"{column}"' if target.engine == "postgres" else f"`{column}`"
    target.run(f"UPDATE cdc_agent.checkpoint SET {quoted} = %s WHERE pipeline = %s", (value, sync.named("there")))


def test_another_server_behind_the_url(sync: Sync) -> None:
    """A checkpoint that was made on another server is never continued: CK003 names both servers."""
    change_checkpoint(sync, "source_identity", "postgresql 1234567890 timeline 1")
    assert "postgresql 1234567890 timeline 1" in stopped_by(sync, ForeignCheckpoint.code)
    assert sync.databases["other"].run("SELECT count(*) FROM t") == [(0,)]


def test_a_position_that_nobody_can_read(sync: Sync) -> None:
    """A damaged position stops the pipeline with CK004; it never starts somewhere else."""
    change_checkpoint(sync, "position", "somewhere")
    stopped_by(sync, PositionUnreadable.code)
    assert sync.databases["other"].run("SELECT count(*) FROM t") == [(0,)]


def test_a_source_column_that_is_gone(sync: Sync) -> None:
    """A column that a route names, dropped on the source, stops the pipeline with MP002; rows before it are applied."""
    sync.pipelines["there"]["tables"][0]["columns"] = {"id": "id", "name": "name", "extra": "extra"}
    sync.databases["one"].run("ALTER TABLE t DROP COLUMN extra")
    sync.databases["one"].run("INSERT INTO t (id, name) VALUES (2, 'two')")
    stopped_by(sync, ColumnGone.code)
    assert sync.databases["other"].run("SELECT id, name FROM t") == [(1, "one")]
    sync.databases["one"].run("ALTER TABLE t ADD COLUMN extra integer")


def test_a_target_table_that_is_gone(sync: Sync) -> None:
    """Without its target table a pipeline stops with SC003, and goes on once it is back."""
    target = sync.databases["other"]
    target.run("DROP TABLE t")
    stopped_by(sync, TargetTableMissing.code)
    target.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(5), extra integer)")
    sync.catch_up()
    assert target.run("SELECT id, name FROM t") == [(1, "one")]


def test_a_value_that_must_not_be_refused(sync: Sync) -> None:
    """With `misfit: stop` the first value that does not fit stops the pipeline with MP003, without showing it."""
    sync.pipelines["there"]["tables"][0]["misfit"] = "stop"
    sync.databases["one"].run("INSERT INTO t (id, name) VALUES (2, 'canary-too-long')")
    assert "canary" not in stopped_by(sync, ValueRefused.code)


def test_a_storm_of_refused_rows(sync: Sync) -> None:
    """When too large a share of rows is refused, the pipeline stops with TG007 rather than fill the quarantine."""
    for start in range(0, 400, 100):
        rows = ", ".join(f"({number}, 'much too long')" for number in range(start + 2, start + 102))
        sync.databases["one"].run(f"INSERT INTO t (id, name) VALUES {rows}")
    stopped_by(sync, RefusalStorm.code)
