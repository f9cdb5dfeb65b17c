"""The agent's own tables on every server: made, upgraded from what version 0.1.0 left, refused, pruned.

`store/0.1.0-*.sql` is what 0.1.0 made, frozen. On MySQL the tables are the server's, so those tests have one of their own.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from cdc_agent.config.load import load
from cdc_agent.config.model import Database as Settings
from cdc_agent.engines import registry
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import Fatal, PrivilegeMissing, TablesOutdated, TablesTooNew
from cdc_agent.preflight.grants import grants
from cdc_agent.preflight.setup import set_up
from cdc_agent.store import versions
from cdc_agent.store.tables import HISTORY_DAYS, PRUNED_AT_ONCE, VERSION
from tests.contract.test_grants import SECRET, drop_role, run_as_dba
from tests.support import servers
from tests.support.servers import Database, Server, ServerSpec
from tests.support.sync import Sync, pipeline
from tests.support.targets import ENTRY, PIPELINE, Rig, close_rig, open_rig

FROZEN = Path(__file__).parent / "store"
HISTORY = "pipeline, generation, position, source_commit_time, transactions, changes, written_at"
QUARANTINE = (
    "pipeline, source_table, target_table, operation, row_data, column_name, reason, code, position, "
    "source_commit_time, quarantined_at, state"
)

OF_0_1_0 = ("checkpoint", "checkpoint_history", "quarantine", "schema_version")
SINCE_0_1_0 = {("checkpoint_history", name) for name in ("source_identity", "label")} | {
    ("quarantine", name) for name in ("old_row", "new_row", "old_key", "new_key")
}


@pytest.fixture(scope="module")
def own_server() -> Iterator[Callable[[Server], Server]]:
    """On PostgreSQL the shared server, on MySQL one of this module's own."""
    started: dict[ServerSpec, Server] = {}

    def own(like: Server) -> Server:
        if like.is_postgres:
            return like
        if like.spec not in started:
            started[like.spec] = servers.launch(like.spec, in_memory=True)
        return started[like.spec]

    yield own
    for one in started.values():
        one.remove()


@pytest.fixture
def target(any_server: Server, own_server: Callable[[Server], Server]) -> Iterator[Database]:
    """A database on each server, without the agent's tables."""
    server = own_server(any_server)
    if not server.is_postgres:
        server.run("DROP DATABASE IF EXISTS cdc_agent")
    database = server.create_database("store")
    yield database
    database.drop()


@pytest.fixture
def sync(target: Database, tmp_path: Path) -> Iterator[Sync]:
    """A pipeline over a table `t` into the target, from another database of its server."""
    source = target.server.create_database("source")
    source.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(50))")
    target.run("CREATE TABLE t (id integer PRIMARY KEY, name varchar(5))")
    there = pipeline(("one", source), ("other", target), ["t"])
    sync = Sync(tmp_path, {"one": source, "other": target}, {"there": there})
    yield sync
    sync.close()
    source.drop()


def connected(database: Database, user: str | None = None, password: str | None = None) -> Admin:
    return registry.connect(Settings(url=database.url(user, password)), "test")


def drop_store(database: Database) -> None:
    database.run(
        "DROP SCHEMA IF EXISTS cdc_agent CASCADE" if database.engine == "postgres" else "DROP DATABASE cdc_agent"
    )


def frozen(database: Database) -> str:
    """What 0.1.0 ran."""
    return (FROZEN / f"0.1.0-{'postgres' if database.engine == 'postgres' else 'mysql'}.sql").read_text("utf-8")


def versions_of(database: Database) -> list[int]:
    return [row[0] for row in database.run("SELECT version FROM cdc_agent.schema_version ORDER BY version")]


def names(found: list[tuple[Any, ...]]) -> set[tuple[str, str]]:
    """The columns of a shape."""
    return {(row[0], row[2]) for row in found if isinstance(row[1], int)}


@contextmanager
def upgraded_by_a_newer_program(database: Database) -> Iterator[None]:
    database.run("INSERT INTO cdc_agent.schema_version (version) VALUES (99)")
    yield
    database.run("DELETE FROM cdc_agent.schema_version WHERE version = 99")


def shape(database: Database) -> list[tuple[Any, ...]]:
    """Every column and index of the agent's tables, as the catalogue has them."""
    if database.engine == "postgres":
        columns = database.run(
            "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default, is_identity "
            "FROM information_schema.columns WHERE table_schema = 'cdc_agent' ORDER BY 1, 2"
        )
        options = database.run(
            "SELECT relname, reloptions::text FROM pg_class WHERE relnamespace = 'cdc_agent'::regnamespace "
            "AND relkind = 'r' ORDER BY 1"
        )
        indexes = database.run("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'cdc_agent' ORDER BY 1")
        return [*columns, *options, *indexes]
    columns = database.run(
        "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, extra, "
        "collation_name FROM information_schema.columns WHERE table_schema = 'cdc_agent' ORDER BY 1, 2"
    )
    options = database.run(
        "SELECT table_name, engine, table_collation FROM information_schema.tables "
        "WHERE table_schema = 'cdc_agent' ORDER BY 1"
    )
    indexes = database.run(
        "SELECT table_name, index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics "
        "WHERE table_schema = 'cdc_agent' ORDER BY 1, 2, 3"
    )
    return [*columns, *options, *indexes]


def insert(database: Database, table: str, columns: str, rows: Sequence[Sequence[object]]) -> None:
    marks = ", ".join(["%s"] * len(columns.split(",")))
    for row in rows:
        database.run(f"INSERT INTO cdc_agent.{table} ({columns}) VALUES ({marks})", tuple(row))


def as_0_1_0_left_it(sync: Sync) -> dict[str, list[tuple[Any, ...]]]:
    """The target as an agent of 0.1.0 would have left it, with its rows in every table; they are returned."""
    target, name = sync.databases["other"], sync.named("there")
    checkpoint = target.run("SELECT * FROM cdc_agent.checkpoint")
    drop_store(target)
    target.run(frozen(target))
    for row in checkpoint:
        marks = ", ".join(["%s"] * len(row))
        target.run(f"INSERT INTO cdc_agent.checkpoint VALUES ({marks})", row)
    line = (name, 1, "lsn:0/1", 1700000000.25, 4, 9, "2026-01-02 03:04:05.678901")
    insert(target, "checkpoint_history", HISTORY, [line, line])
    refused = (name, "public.t", "t", "insert", '{"id":"7","name":"ü, 😀"}', "name", "too long", "TG004", "lsn:0/1")
    insert(target, "quarantine", QUARANTINE, [(*refused, None, "2026-01-02 03:04:05.678901", "waiting")])
    return rows(target)


def rows(target: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that 0.1.0 knew of each table."""
    return {
        "checkpoint": target.run("SELECT * FROM cdc_agent.checkpoint ORDER BY pipeline"),
        "checkpoint_history": target.run(f"SELECT id, {HISTORY} FROM cdc_agent.checkpoint_history ORDER BY id"),
        "quarantine": target.run(f"SELECT id, {QUARANTINE} FROM cdc_agent.quarantine ORDER BY id"),
    }


def refused(sync: Sync, code: str, *arguments: str) -> str:
    """A command that must end with this error; its message."""
    done = sync.command(*arguments, check=False)
    assert (done.status, f"error {code}: " in done.err) == (1, True), done.err
    return done.err


def findings(sync: Sync) -> list[str]:
    """The errors of `check`."""
    found = json.loads(sync.command("check", "--json", check=False).out)["findings"]
    return [one["code"] for one in found if one["severity"] == "error"]


def test_new_tables_are_as_upgraded_ones(target: Database) -> None:
    """Column by column and index by index, it cannot be told whether tables were made or upgraded."""
    with connected(target) as server:
        assert versions.bring_up(server) == 0
        made = shape(target)
        drop_store(target)
        target.run(frozen(target))
        before = shape(target)
        assert versions.bring_up(server) == 1
        assert shape(target) == made
        assert versions.bring_up(server) == VERSION
    assert shape(target) == made
    assert {name for name in names(made) - names(before) if name[0] in OF_0_1_0} == SINCE_0_1_0
    assert names(before) < names(made)
    assert versions_of(target) == list(range(1, VERSION + 1))


def test_what_0_1_0_left_is_refused_upgraded_and_continued(sync: Sync) -> None:
    """`run` stops at the tables of 0.1.0, `setup --upgrade` keeps every row, and `run` goes on from the checkpoint."""
    one, other = sync.databases["one"], sync.databases["other"]
    sync.setup()
    one.run("INSERT INTO t VALUES (1, 'one')")
    sync.catch_up()
    kept = as_0_1_0_left_it(sync)
    one.run("INSERT INTO t VALUES (2, 'two')")
    assert "setup -c FILE --upgrade" in refused(sync, TablesOutdated.code, "run", "--until-caught-up")
    refused(sync, TablesOutdated.code, "setup")
    assert findings(sync) == ["PF063"]
    (seen,) = sync.status()
    assert (seen["state"], seen["transactions"]) == ("stopped", 1)
    assert seen["last_error"].startswith(TablesOutdated.code)
    (row,) = json.loads(sync.command("quarantine", "--json").out)["pipelines"][0]["rows"]
    assert row["reason"] == "too long"
    assert rows(other) == kept
    assert f"version 1 to {VERSION}" in sync.command("setup", "--upgrade").out
    assert rows(other) == kept
    sync.catch_up()
    assert other.run("SELECT id, name FROM t ORDER BY id") == [(1, "one"), (2, "two")]
    assert sync.checkpoint("there")["transactions"] == 2
    assert findings(sync) == []
    assert "done" not in sync.command("setup", "--upgrade").out


def test_teardown_works_on_the_tables_of_0_1_0(sync: Sync) -> None:
    """A pipeline can be taken down without upgrading first."""
    sync.setup()
    as_0_1_0_left_it(sync)
    sync.command("teardown", "--yes")
    assert rows(sync.databases["other"])["checkpoint"] == []


def test_tables_of_a_newer_program_are_left_alone(sync: Sync) -> None:
    """Every command that would read or change what it does not know ends with CK006; `status` and `check` say so."""
    other = sync.databases["other"]
    sync.setup()
    kept = rows(other)
    sync.databases["one"].run("INSERT INTO t VALUES (1, 'one')")
    with upgraded_by_a_newer_program(other):
        for command in (("run", "--until-caught-up"), ("setup",), ("setup", "--upgrade"), ("quarantine",)):
            assert "version 99" in refused(sync, TablesTooNew.code, *command)
        refused(sync, TablesTooNew.code, "teardown", "--yes")
        (seen,) = sync.status()
        assert seen["last_error"].startswith(TablesTooNew.code)
        assert findings(sync) == ["PF063"]
        assert rows(other) == kept
        assert other.run("SELECT count(*) FROM t") == [(0,)]
    sync.catch_up()
    assert other.run("SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize(("version", "error"), [(1, TablesOutdated), (99, TablesTooNew)])
def test_no_pipeline_is_claimed_on_tables_of_another_version(
    target: Database, version: int, error: type[Fatal]
) -> None:
    """A take-over is refused and changes nothing; so is each later look at the checkpoint, of an idle agent as well."""
    rig = open_rig(target.server)
    try:
        rig.database.run("DELETE FROM cdc_agent.schema_version")
        rig.database.run("INSERT INTO cdc_agent.schema_version (version) VALUES (%s)", (version,))
        with pytest.raises(error, match=f"on crm have version {version},"):
            rig.another().take_over(PIPELINE, "db-2:1")
        with pytest.raises(error):
            rig.target.checkpoint(PIPELINE)
        assert rig.database.run(
            "SELECT generation, host FROM cdc_agent.checkpoint WHERE pipeline = %s", (PIPELINE,)
        ) == [(rig.checkpoint.generation, rig.checkpoint.host)]
    finally:
        close_rig(rig)


class Cut(Exception):
    """The process ends here."""


class CutShort:
    """An `Admin` whose process ends before it has run more than so many statements."""

    def __init__(self, server: Admin, statements: int) -> None:
        self._server = server
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def run(self, statement: str, parameters: Sequence[object] = ()) -> int:
        if self._left == 0:
            raise Cut
        self._left -= 1
        return self._server.run(statement, parameters)


@pytest.mark.parametrize("start", ["nothing", "0.1.0"])
def test_what_was_cut_short_is_finished_by_the_next(target: Database, start: str) -> None:
    """Cut after any statement, tables have the last version that is whole, and the next attempt makes them whole."""
    with connected(target) as server:
        versions.bring_up(server)
        whole, statements = shape(target), 0
        while True:
            drop_store(target)
            if start == "0.1.0":
                target.run(frozen(target))
            before = versions.found(server)
            with suppress(Cut):
                versions.bring_up(cast("Admin", CutShort(server, statements)))
                break
            assert before == (1 if start == "0.1.0" else 0)
            assert before <= versions.found(server) < VERSION
            versions.bring_up(server)
            assert shape(target) == whole
            assert versions_of(target) == list(range(1, VERSION + 1))
            statements += 1
    assert statements > 4


@pytest.mark.parametrize("start", ["nothing", "0.1.0"])
def test_several_at_once_make_the_same_tables(target: Database, start: str) -> None:
    """Four setups that begin together all end well, and the tables are those that one alone makes."""
    with connected(target) as server:
        versions.bring_up(server)
    whole = shape(target)
    for _ in range(5):
        drop_store(target)
        if start == "0.1.0":
            target.run(frozen(target))
        together(target, 4)
        assert shape(target) == whole
        assert versions_of(target) == list(range(1, VERSION + 1))


def together(target: Database, count: int) -> None:
    """So many upgrades at once. Raises what the first of them raised."""
    barrier = threading.Barrier(count)
    failures: list[BaseException] = []

    def one() -> None:
        try:
            with connected(target) as server:
                barrier.wait()
                versions.bring_up(server)
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def poor(sync: Sync) -> Iterator[Sync]:
    """The pipeline with roles that have what `grants` prints, on tables that 0.1.0 made for such a role."""
    sync.users = {name: (f"agent_{name}_{uuid.uuid4().hex[:6]}", SECRET) for name in sync.databases}
    printed = grants(load(sync.write(), {}), [sync.named("there")])
    for name, database in sync.databases.items():
        run_as_dba(database, printed[name])
    other, user = sync.databases["other"], sync.users["other"][0]
    if other.engine == "postgres":
        drop_store(other)
        tables = frozen(other).partition(";")[2]
        other.run(f'CREATE SCHEMA cdc_agent AUTHORIZATION "{user}"; SET ROLE "{user}"; {tables}')
    else:
        other.run(frozen(other))
    yield sync
    sync.close()
    for name, database in sync.databases.items():
        drop_role(database, sync.users[name][0])


def test_what_grants_prints_is_enough_to_upgrade(poor: Sync) -> None:
    """A role with the least rights upgrades the tables that it has had since 0.1.0, and goes on."""
    poor.setup("--upgrade")
    assert versions_of(poor.databases["other"]) == list(range(1, VERSION + 1))
    poor.databases["one"].run("INSERT INTO t VALUES (1, 'one'), (2, 'too long')")
    poor.catch_up()
    assert poor.databases["other"].run("SELECT id FROM t") == [(1,)]


def test_a_role_that_may_not_upgrade_is_told_what_a_dba_must_run(poor: Sync) -> None:
    """TG006 lists the statements; once a DBA has run them, setup goes on."""
    other, user = poor.databases["other"], poor.users["other"][0]
    if other.engine == "postgres":
        other.run(f'REASSIGN OWNED BY "{user}" TO CURRENT_USER; GRANT ALL ON SCHEMA cdc_agent TO "{user}"')
        other.run(f'GRANT ALL ON ALL TABLES IN SCHEMA cdc_agent TO "{user}"')
    else:
        other.run(f"REVOKE ALTER ON cdc_agent.* FROM `{user}`@'%'")
    with pytest.raises(PrivilegeMissing) as caught:
        set_up(load(poor.write(), {}), [poor.named("there")], upgrade=True)
    assert versions_of(other) == [1]
    for statement in caught.value.details:
        other.run(statement)
    poor.setup("--upgrade")
    assert versions_of(other) == list(range(1, VERSION + 1))


@pytest.fixture
def rig(any_server: Server) -> Iterator[Rig]:
    found = open_rig(any_server)
    yield found
    found.database.run("DELETE FROM cdc_agent.checkpoint_history WHERE pipeline LIKE %s", (f"{PIPELINE}%",))
    close_rig(found)


def history(rig: Rig) -> list[tuple[Any, ...]]:
    """Position and pipeline of each line, oldest first."""
    return rig.database.run(
        "SELECT position, pipeline FROM cdc_agent.checkpoint_history WHERE pipeline LIKE %s ORDER BY written_at, id",
        (f"{PIPELINE}%",),
    )


def add_history(rig: Rig, position: str, days: float, *, pipeline: str = PIPELINE, label: str | None = None) -> None:
    ago = f"now() - interval '{days} days'" if rig.postgres else f"UTC_TIMESTAMP() - INTERVAL {int(days * 24)} HOUR"
    rig.database.run(
        "INSERT INTO cdc_agent.checkpoint_history (pipeline, generation, position, transactions, changes, label, "
        f"written_at) VALUES (%s, 1, %s, 0, 0, %s, {ago})",
        (pipeline, position, label),
    )


def commit_with_history(rig: Rig) -> None:
    rig.target.begin(rig.checkpoint)
    rig.target.commit(rig.checkpoint)


def test_old_history_is_removed_but_what_has_a_label(rig: Rig) -> None:
    """A line of history that is written removes those of its pipeline that are too old; a label keeps a line."""
    other = f"{PIPELINE}-other"
    add_history(rig, "lsn:0/A", HISTORY_DAYS + 3, label="before the move")
    add_history(rig, "lsn:0/B", HISTORY_DAYS + 2)
    add_history(rig, "lsn:0/C", HISTORY_DAYS + 1, pipeline=other)
    add_history(rig, "lsn:0/D", HISTORY_DAYS + 0.1)
    add_history(rig, "lsn:0/E", HISTORY_DAYS - 0.1)
    commit_with_history(rig)
    assert history(rig) == [
        ("lsn:0/A", PIPELINE),
        ("lsn:0/C", other),
        ("lsn:0/E", PIPELINE),
        (rig.checkpoint.position, PIPELINE),
    ]


def test_much_old_history_is_removed_bit_by_bit(rig: Rig) -> None:
    """What gathered for months does not hold up one commit: a bounded number of lines goes with each, oldest first."""
    add_history(rig, "lsn:0/A", HISTORY_DAYS + 1)
    columns = "pipeline, generation, position, transactions, changes, written_at"
    doubled = f"INSERT INTO cdc_agent.checkpoint_history ({columns}) SELECT {columns} FROM cdc_agent.checkpoint_history"
    while len(history(rig)) <= PRUNED_AT_ONCE:
        rig.database.run(f"{doubled} WHERE pipeline = %s", (PIPELINE,))
    gathered = len(history(rig))
    commit_with_history(rig)
    assert len(history(rig)) == gathered - PRUNED_AT_ONCE + 1
    commit_with_history(rig)
    assert history(rig) == [(rig.checkpoint.position, PIPELINE)] * 2


def test_history_names_the_server_that_its_positions_are_of(rig: Rig) -> None:
    """A line of history can be told from one of another server, as a checkpoint can."""
    commit_with_history(rig)
    found = rig.database.run(
        "SELECT source_identity, label FROM cdc_agent.checkpoint_history WHERE pipeline = %s", (PIPELINE,)
    )
    assert found == [(rig.checkpoint.source_identity, None)]


def test_a_refused_change_is_kept_whole(rig: Rig) -> None:
    """Both images and both keys stand in quarantine beside the newest image, each as the JSON text that it came as."""
    entry = replace(
        ENTRY, operation="update", old_row='{"id": "1", "name": null}', new_row='{"id": "2"}', old_key='{"id": "1"}'
    )
    rig.target.begin(rig.checkpoint)
    rig.target.quarantine(PIPELINE, [entry, replace(ENTRY, old_row="{}", new_row=None, new_key=None)])
    rig.target.commit()
    found = rig.database.run(
        "SELECT row_data, old_row, new_row, old_key, new_key FROM cdc_agent.quarantine WHERE pipeline = %s ORDER BY id",
        (PIPELINE,),
    )
    assert found == [
        ('{"id": "2"}', '{"id": "1", "name": null}', '{"id": "2"}', '{"id": "1"}', '{"id": "1"}'),
        ("{}", "{}", None, None, None),
    ]
