"""A CRM's schema, its cascades and its writers, with exactly the printed rights, while the agent is killed."""

from __future__ import annotations

import contextlib
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdc_agent.config.load import load
from cdc_agent.preflight.grants import FILL_IN, grants
from tests.faults.conftest import SLOW
from tests.support import crm
from tests.support.crm import Writer
from tests.support.oracle import assert_equal
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline
from tests.support.waiting import wait_until

SECRET = "granted-5ecret"
WRITERS = 3


def as_dba(database: Database, statements: list[str]) -> None:
    """Run what `grants` printed, with the password filled in."""
    connection = database.connect()
    with contextlib.closing(connection), connection.cursor() as cursor:
        for statement in statements:
            if not statement.startswith("--"):
                cursor.execute(statement.replace(f"'{FILL_IN}'", f"'{SECRET}'"))


def forget(database: Database, user: str) -> None:
    """Remove the role and what it owns."""
    if database.engine == "postgres":
        database.run(f'REASSIGN OWNED BY "{user}" TO CURRENT_USER; DROP OWNED BY "{user}"; DROP ROLE "{user}"')
    else:
        database.run(f"DROP USER IF EXISTS `{user}`@'%'")


@pytest.fixture
def schema() -> crm.Crm:
    """The whole of it when time is given, else a part."""
    return crm.generate(tables=160, acting=220) if SLOW else crm.generate(tables=60, acting=80)


@pytest.fixture
def sync(crossing: tuple[Server, Server], schema: crm.Crm, tmp_path: Path) -> Iterator[Sync]:
    """The schema on both sides, and roles that have what `grants` prints and nothing else."""
    one, other = crossing[0].create_database("one"), crossing[1].create_database("other")
    for database in (one, other):
        schema.make(database)
    sync = Sync(tmp_path, {"one": one, "other": other}, {"there": pipeline(("one", one), ("other", other), ["*"])})
    sync.users = {name: (f"agent_{name}_{uuid.uuid4().hex[:6]}", SECRET) for name in sync.databases}
    printed = grants(load(sync.write(), {}), [sync.named("there")])
    for name, database in sync.databases.items():
        as_dba(database, printed[name])
    yield sync
    sync.close()
    for name, database in sync.databases.items():
        forget(database, sync.users[name][0])


def test_a_crm_is_equal_after_kills(sync: Sync, schema: crm.Crm, seconds: float, kills: int) -> None:
    """Random writers that keep to the keys, an agent that is killed again and again: every table is equal."""
    one, other = sync.databases["one"], sync.databases["other"]
    sync.setup()
    writers = [Writer(one, schema, seed=11 + number, seconds=seconds) for number in range(WRITERS)]
    agent = sync.start()
    for writer in writers:
        writer.start()
    for _ in range(kills):
        before = sync.checkpoint("there").get("transactions", 0)
        wait_until(
            lambda before=before: (
                sync.checkpoint("there").get("transactions", 0) > before  # type: ignore[misc]
                or not any(writer.is_alive() for writer in writers)
            ),
            timeout=60,
            what="the agent applies something",
        )
        sync.stop(agent, how=signal.SIGKILL)
        agent = sync.start()
    for writer in writers:
        writer.finish()
    sync.stop(agent)
    sync.catch_up()
    assert sum(writer.commits for writer in writers) > 30 * seconds / 6
    assert sync.checkpoint("there")["quarantined"] == 0
    assert_equal(one, other, schema.names)
