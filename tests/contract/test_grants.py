"""The rights that `grants` prints are enough, and no more than what is used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cdc_agent.config.load import load
from cdc_agent.errors import PrivilegeMissing, UpdatesWouldFail
from cdc_agent.preflight.check import check
from cdc_agent.preflight.findings import Severity
from cdc_agent.preflight.grants import FILL_IN, grants
from cdc_agent.preflight.setup import set_up
from tests.conftest import Pairing
from tests.contract.test_setup import two_way
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline

SECRET = "granted-5ecret"


def run_as_dba(database: Database, statements: list[str]) -> None:
    """Run what `grants` printed, with the password filled in."""
    connection = database.connect()
    with connection, connection.cursor() as cursor:
        for statement in statements:
            if not statement.startswith("--"):
                cursor.execute(statement.replace(f"'{FILL_IN}'", f"'{SECRET}'"))


def drop_role(database: Database, user: str) -> None:
    """Remove the role and what it owns."""
    if database.engine == "postgres":
        database.run(f'REASSIGN OWNED BY "{user}" TO CURRENT_USER; DROP OWNED BY "{user}"; DROP ROLE "{user}"')
    else:
        database.run(f"DROP USER IF EXISTS `{user}`@'%'")


@contextmanager
def granted(sync: Sync) -> Iterator[Sync]:
    """The sync's roles made by what `grants` printed, and by nothing else."""
    sync.users = {name: (f"agent_{name}_{uuid.uuid4().hex[:6]}", SECRET) for name in sync.databases}
    printed = grants(load(sync.write(), {}), [sync.named(name) for name in sync.pipelines])
    for name, database in sync.databases.items():
        run_as_dba(database, printed[name])
    yield sync
    sync.close()
    for name, database in sync.databases.items():
        drop_role(database, sync.users[name][0])


@pytest.fixture
def sync(pairing: Pairing, tmp_path: Path) -> Iterator[Sync]:
    """A two-way sync with these roles."""
    one, other = pairing.source.create_database("one"), pairing.target.create_database("other")
    with granted(two_way(tmp_path, one, other)) as sync:
        yield sync


@pytest.fixture
def family(pairing: Pairing, tmp_path: Path) -> Iterator[Sync]:
    """One direction over a parent and its children by a key that acts, with these roles."""
    one, other = pairing.source.create_database("one"), pairing.target.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE customers (id integer PRIMARY KEY)")
        database.run(
            "CREATE TABLE orders (id integer PRIMARY KEY, customer integer, CONSTRAINT of_customer FOREIGN KEY (customer)"
            " REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE)"
        )
    tables = ["customers", "orders"]
    with granted(
        Sync(tmp_path, {"one": one, "other": other}, {"there": pipeline(("one", one), ("other", other), tables)})
    ) as sync:
        yield sync


def test_setup_and_run_need_no_more(sync: Sync) -> None:
    """With these roles, setup and run carry inserts, updates, deletes and truncates in both directions."""
    one, other = sync.databases["one"], sync.databases["other"]
    sync.setup()
    one.run("INSERT INTO notes (id, body) VALUES (1, 'from one'), (2, 'gone')")
    one.run("DELETE FROM notes WHERE id = 2")
    other.run("INSERT INTO notes (id, body) VALUES (3, 'from other')")
    sync.catch_up()
    one.run("UPDATE notes SET body = 'changed' WHERE id = 3")
    sync.catch_up()
    expected = [(1, "from one"), (3, "changed")]
    assert sorted(one.run("SELECT id, body FROM notes")) == expected
    assert sorted(other.run("SELECT id, body FROM notes")) == expected


def test_many_rows_need_no_more(sync: Sync) -> None:
    """Batches that are large enough for staging tables are applied with the same rights."""
    sync.setup()
    rows = ", ".join(f"({number}, 'row {number}')" for number in range(1, 3001))
    sync.databases["one"].run(f"INSERT INTO notes (id, body) VALUES {rows}")
    sync.catch_up()
    assert sync.databases["other"].run("SELECT count(*) FROM notes") == [(3000,)]


def test_check_finds_no_missing_right(sync: Sync) -> None:
    """`check` agrees: no error with these roles, and no superuser."""
    found = check(load(sync.write(), {}), [sync.named("there"), sync.named("back")])
    assert [finding for finding in found if finding.severity is Severity.ERROR] == []
    assert [finding for finding in found if finding.code == "PF005"] == []


def test_cascades_need_no_more(family: Sync) -> None:
    """What the source's keys do to children is done on the target as well, and `check` has nothing against it."""
    found = check(load(family.write(), {}), [family.named("there")])
    assert [finding for finding in found if finding.severity is Severity.ERROR or finding.code == "PF048"] == []
    family.setup()
    one, other = family.databases["one"], family.databases["other"]
    one.run("INSERT INTO customers (id) VALUES (1), (2)")
    one.run("INSERT INTO orders (id, customer) VALUES (10, 1), (20, 2)")
    family.catch_up()
    one.run("DELETE FROM customers WHERE id = 1")
    one.run("UPDATE customers SET id = 3 WHERE id = 2")
    family.catch_up()
    assert other.run("SELECT id, customer FROM orders") == [(20, 3)]


def test_status_and_teardown_need_no_more(sync: Sync) -> None:
    """The other commands work with these roles as well, and teardown leaves nothing."""
    sync.setup()
    assert {one["state"] for one in sync.status()} == {"stopped"}
    sync.command("quarantine")
    sync.command("teardown", "--yes")
    assert {one["state"] for one in sync.status()} == {"not set up"}


def test_a_wildcards_publication_harms_no_table(postgres: Server, mysql: Server, tmp_path: Path) -> None:
    """Tables without an identity are not in it: their updates go on, and setup says which they are."""
    one, other = postgres.create_database("one"), mysql.create_database("other")
    for database in (one, other):
        database.run("CREATE TABLE notes (id integer PRIMARY KEY)")
    one.run("CREATE TABLE odd (id integer); INSERT INTO odd VALUES (1)")
    wild = {"from": "public.*", "to": f"{other.name}.*"}
    settings = {"source": "one", "target": "other", "tables": [wild]}
    sync = Sync(tmp_path, {"one": one, "other": other}, {"there": settings})
    sync.users = {name: (f"agent_{name}_{uuid.uuid4().hex[:6]}", SECRET) for name in sync.databases}
    printed = grants(load(sync.write(), {}), [sync.named("there")], create_tables=True)
    try:
        for name, database in sync.databases.items():
            run_as_dba(database, printed[name])
        one.run("UPDATE odd SET id = 2")
        with pytest.raises(UpdatesWouldFail):
            set_up(load(sync.write(), {}), [sync.named("there")], ignore_existing=True)
        wild["exclude"] = ["odd"]
        one.run("CREATE TABLE later (id integer PRIMARY KEY)")
        with pytest.raises(PrivilegeMissing):
            set_up(load(sync.write(), {}), [sync.named("there")])
        wild["exclude"] = ["odd", "later"]
        set_up(load(sync.write(), {}), [sync.named("there")])
        one.run("INSERT INTO notes VALUES (1)")
        sync.catch_up()
        assert other.run("SELECT id FROM notes") == [(1,)]
    finally:
        sync.close()
        for name, database in sync.databases.items():
            drop_role(database, sync.users[name][0])


def test_setup_without_rights_prints_the_sql(postgres: Server, tmp_path: Path) -> None:
    """A role that owns nothing is told what a DBA must run, and no slot is left."""
    sync = two_way(tmp_path, postgres.create_database("one"), postgres.create_database("other"))
    user = f"poor_{uuid.uuid4().hex[:6]}"
    one = sync.databases["one"]
    one.run(f"CREATE ROLE {user} LOGIN REPLICATION PASSWORD '{SECRET}'; GRANT SELECT ON notes TO {user}")
    sync.users = {"one": (user, SECRET)}
    sync.pipelines = {"there": sync.pipelines["there"]}
    try:
        with pytest.raises(PrivilegeMissing) as caught:
            set_up(load(sync.write(), {}), [sync.named("there")])
        assert any(line.startswith("CREATE PUBLICATION") for line in caught.value.details)
        assert one.run("SELECT count(*) FROM pg_replication_slots WHERE database = %s", (one.name,)) == [(0,)]
    finally:
        sync.close()
        drop_role(one, user)
