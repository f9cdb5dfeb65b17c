"""What a target may lose in a crash is not acknowledged to the source yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cdc_agent.flow.acknowledging import Acknowledgements
from cdc_agent.model.positions import Lsn, Position
from cdc_agent.targets.postgres import PostgresTarget
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline
from tests.support.targets import close_rig, open_rig
from tests.support.waiting import wait_until

UNSURE = {
    "postgres": ({"fsync": "off"}, "fsync = off"),
    "mysql": ({"sync-binlog": "0"}, "sync_binlog = 0"),
    "mariadb": ({"innodb-flush-log-at-trx-commit": "2"}, "innodb_flush_log_at_trx_commit = 2"),
}


def test_positions_are_told_late_and_in_order() -> None:
    """Each at least `delay` seconds after its commit; the last one without a further commit."""
    now, told = [0.0], list[tuple[float, Position]]()
    late = Acknowledgements(lambda position: told.append((now[0], position)), 60.0, lambda: now[0])
    committed: dict[Position, float] = {}
    for step in range(1_000):
        now[0] = step * 0.1
        committed[Lsn(step)] = now[0]
        late.committed(Lsn(step))
    for step in range(1_000, 1_700):
        now[0] = step * 0.1
        late.look()
    assert all(at - committed[position] >= 60.0 for at, position in told)
    assert [position for _, position in told] == sorted({position for _, position in told})
    assert told[-1][1] == Lsn(999)
    assert len(told) > 20


def replicated(tmp_path: Path, source: Server, target: Server, **options: object) -> Sync:
    one, other = source.create_database("one"), target.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE t (id integer PRIMARY KEY)")
    there = pipeline(("one", one), ("other", other), ["t"], **options)
    return Sync(tmp_path, {"one": one, "other": other}, {"there": there})


def state(target: Database) -> list[tuple[object, ...]]:
    return target.run("SELECT id FROM t ORDER BY id")


def test_a_target_that_loses_its_last_seconds_gets_them_again(
    postgres: Server, any_server: Server, tmp_path: Path
) -> None:
    """With a delay the slot keeps the log: rows and checkpoint that a crash took are there again after a start."""
    sync = replicated(tmp_path, postgres, any_server, acknowledge={"delay": "1h"})
    one, other = sync.databases["one"], sync.databases["other"]
    try:
        sync.setup()
        one.run("INSERT INTO t VALUES (1)")
        sync.catch_up()
        quoted = "position" if any_server.is_postgres else "`position`"
        columns = f"{quoted}, generation, transactions, changes, mark"
        where = "WHERE pipeline = %s"
        (kept,) = other.run(f"SELECT {columns} FROM cdc_agent.checkpoint {where}", (sync.named("there"),))
        process = sync.start()
        one.run("INSERT INTO t VALUES (2), (3)")
        one.run("INSERT INTO t VALUES (4)")
        wait_until(lambda: len(state(other)) == 4, what="the rows on the target")
        process.kill()
        process.wait()
        sync.running.remove(process)
        other.run("DELETE FROM t WHERE id > 1")
        sets = ", ".join(f"{column} = %s" for column in columns.split(", "))
        other.run(f"UPDATE cdc_agent.checkpoint SET {sets} {where}", (*kept, sync.named("there")))
        sync.catch_up()
        assert state(other) == [(1,), (2,), (3,), (4,)]
    finally:
        sync.close()


@pytest.fixture
def unsure(any_server: Server, private_server: Callable[..., Server]) -> tuple[Server, str]:
    """A server whose commits may be lost, and what is said of it."""
    settings, words = UNSURE[any_server.spec.engine]
    return private_server(any_server, settings, in_memory=True), words


def test_a_target_that_may_lose_commits_is_said_to(
    unsure: tuple[Server, str], postgres: Server, tmp_path: Path
) -> None:
    """PF065 in `check`, a warning in the log, and a slot that stays behind the checkpoint."""
    server, words = unsure
    sync = replicated(tmp_path, postgres, server)
    try:
        sync.setup()
        assert "PF065" in sync.command("check", check=False).out
        slot = "SELECT min(confirmed_flush_lsn) FROM pg_replication_slots WHERE database = %s"
        before = postgres.run(slot, (sync.databases["one"].name,))
        sync.databases["one"].run("INSERT INTO t VALUES (1)")
        done = sync.command("run", "--until-caught-up")
        assert words in done.err
        assert state(sync.databases["other"]) == [(1,)]
        assert postgres.run(slot, (sync.databases["one"].name,)) == before
    finally:
        sync.close()


def test_a_session_makes_sure_of_its_own_commits(postgres: Server) -> None:
    """Where synchronous_commit is off for the database, the agent's session turns it on."""
    rig = open_rig(postgres)
    database = rig.database
    try:
        database.run(f'ALTER DATABASE "{database.name}" SET synchronous_commit = off')
        target = rig.another()
        assert isinstance(target, PostgresTarget)
        assert target._live.connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert target.unsure() is None
    finally:
        close_rig(rig)
