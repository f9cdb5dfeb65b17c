"""Setup and teardown on real servers: idempotent, complete, and never an orphan slot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cdc_agent.config.load import load
from cdc_agent.config.model import Config
from cdc_agent.errors import AgentError, LogGone, SourceSchemaError, UpdatesWouldFail
from cdc_agent.preflight.servers import Servers
from cdc_agent.preflight.setup import set_up
from cdc_agent.preflight.teardown import tear_down
from cdc_agent.store import checkpoints, versions
from tests.conftest import Pairing
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline, schema

TABLE = "CREATE TABLE notes (id integer PRIMARY KEY, body varchar(50) NOT NULL, rank integer)"


def two_way(folder: Path, one: Database, other: Database) -> Sync:
    """Two opposed pipelines over a table `notes` on both."""
    for database in (one, other):
        database.run(TABLE.replace("rank", '"rank"' if database.engine == "postgres" else "`rank`"))
    there = pipeline(("one", one), ("other", other), ["notes"])
    back = pipeline(("other", other), ("one", one), ["notes"])
    return Sync(folder, {"one": one, "other": other}, {"there": there, "back": back})


@pytest.fixture
def sync(pairing: Pairing, tmp_path: Path) -> Iterator[Sync]:
    """Opposed pipelines between two fresh databases; what setup made is dropped at the end."""
    sync = two_way(tmp_path, pairing.source.create_database("one"), pairing.target.create_database("other"))
    yield sync
    sync.close()


def config(sync: Sync) -> Config:
    return load(sync.write(), {})


def slots(database: Database) -> list[str]:
    """The logical slots of a PostgreSQL database; [] on MySQL."""
    if database.engine != "postgres":
        return []
    question = "SELECT slot_name FROM pg_replication_slots WHERE database = %s"
    return [row[0] for row in database.run(question, (database.name,))]


def publications(database: Database) -> list[str]:
    if database.engine != "postgres":
        return []
    return [row[0] for row in database.run("SELECT pubname FROM pg_publication")]


def checkpoint(sync: Sync, name: str) -> checkpoints.Held | None:
    found = config(sync)
    with Servers(found, "test") as servers:
        return checkpoints.read(servers[found.pipelines[sync.named(name)].target], sync.named(name))


def test_tables_whose_updates_would_fail_are_not_published_unasked(
    postgres: Server, mysql: Server, tmp_path: Path
) -> None:
    """The application's UPDATE goes on working: setup refuses, names the table, and leaves nothing behind."""
    sync = two_way(tmp_path, postgres.create_database("one"), mysql.create_database("other"))
    one = sync.databases["one"]
    one.run("ALTER TABLE notes REPLICA IDENTITY NOTHING; INSERT INTO notes (id, body) VALUES (1, 'a')")
    sync.pipelines = {"there": sync.pipelines["there"]}
    config, names = load(sync.write(), {}), [sync.named("there")]
    try:
        with pytest.raises(UpdatesWouldFail) as refused:
            set_up(config, names, ignore_existing=True)
        assert refused.value.details == ("has no replica identity: public.notes",)
        one.run("UPDATE notes SET body = 'b'")
        assert one.run("SELECT count(*) FROM pg_publication") == [(0,)]
        set_up(config, names, ignore_existing=True, without_identity=True)
        with pytest.raises(psycopg.Error):
            one.run("UPDATE notes SET body = 'c'")
    finally:
        sync.close()


def test_setup_makes_everything_and_is_idempotent(sync: Sync) -> None:
    """The first run creates tables, slot, publication and checkpoint; the second changes nothing."""
    first = set_up(config(sync), list(config(sync).pipelines))
    held = [checkpoint(sync, name) for name in ("there", "back")]
    assert all(one is not None and one.checkpoint.generation == 0 for one in held)
    assert any("checkpoint of" in what for what in first.done)
    again = set_up(config(sync), list(config(sync).pipelines))
    assert again.done == []
    assert [one.checkpoint for one in held if one] == [
        one.checkpoint for name in ("there", "back") if (one := checkpoint(sync, name))
    ]


def test_the_first_checkpoint_is_a_genuine_marker(sync: Sync) -> None:
    """The row that setup writes names its source as path and carries a valid mark."""
    set_up(config(sync), list(config(sync).pipelines))
    held = checkpoint(sync, "there")
    assert held is not None
    assert held.checkpoint.path == ("one",)
    assert held.checkpoint.source == "one"
    assert held.updated_seconds_ago < 60


def test_what_is_committed_after_setup_arrives(sync: Sync) -> None:
    """Nothing that is committed after setup is missed."""
    sync.setup()
    sync.databases["one"].run("INSERT INTO notes (id, body) VALUES (1, 'first')")
    sync.catch_up()
    assert sync.databases["other"].run("SELECT id, body FROM notes") == [(1, "first")]


@pytest.mark.parametrize("order", [("there", "back"), ("back", "there")])
def test_the_checkpoint_table_is_published_whichever_pipeline_is_set_up_first(
    sync: Sync, order: tuple[str, str]
) -> None:
    """A PostgreSQL source that is a target too publishes its cdc_agent.checkpoint, in either order of setup."""
    for name in order:
        set_up(config(sync), [sync.named(name)])
    for database in sync.databases.values():
        if database.engine == "postgres":
            rows = database.run("SELECT schemaname, tablename FROM pg_publication_tables ORDER BY 1")
            assert rows == [("cdc_agent", "checkpoint"), ("public", "notes")]


def test_a_direction_that_is_added_later_is_published_too(sync: Sync) -> None:
    """When a database becomes a target after its own pipeline was set up, its publication gets the checkpoint table."""
    back = sync.pipelines["back"]
    sync.pipelines = {"there": sync.pipelines["there"]}
    set_up(config(sync), [sync.named("there")])
    sync.pipelines = {**sync.pipelines, "back": back}
    set_up(config(sync), [sync.named("back")])
    one = sync.databases["one"]
    if one.engine == "postgres":
        tables = {row[0] for row in one.run("SELECT tablename FROM pg_publication_tables")}
        assert tables == {"checkpoint", "notes"}


def test_teardown_leaves_nothing_behind(sync: Sync) -> None:
    """Slots, publications and checkpoints are gone; a second teardown finds nothing to do."""
    set_up(config(sync), list(config(sync).pipelines))
    removed = tear_down(config(sync), list(config(sync).pipelines))
    assert removed.done
    for database in sync.databases.values():
        assert slots(database) == []
        assert publications(database) == []
    assert [checkpoint(sync, name) for name in ("there", "back")] == [None, None]
    assert tear_down(config(sync), list(config(sync).pipelines)).done == []


def test_setup_that_fails_drops_what_it_made(sync: Sync) -> None:
    """When the first checkpoint cannot be written, neither slot nor publication of that pipeline stays."""
    target, name = sync.databases["other"], sync.named("there")
    set_up(config(sync), [sync.named("back")])
    with Servers(config(sync), "test") as servers:
        versions.bring_up(servers["other"])
    before = {name: (slots(one), publications(one)) for name, one in sync.databases.items()}
    constraint = f"refuse_{sync.tag}"
    target.run(f"ALTER TABLE cdc_agent.checkpoint ADD CONSTRAINT {constraint} CHECK (pipeline <> '{name}')")
    try:
        with pytest.raises(AgentError):
            set_up(config(sync), [name])
        assert {name: (slots(one), publications(one)) for name, one in sync.databases.items()} == before
    finally:
        target.run(f"ALTER TABLE cdc_agent.checkpoint DROP CONSTRAINT {constraint}")


def test_a_slot_that_a_killed_setup_left_is_taken_up(postgres: Server, tmp_path: Path) -> None:
    """An unread slot without a checkpoint becomes the pipeline's slot; no second one is made."""
    sync = two_way(tmp_path, postgres.create_database("one"), postgres.create_database("other"))
    try:
        set_up(config(sync), [sync.named("there")])
        sync.databases["other"].run("DELETE FROM cdc_agent.checkpoint")
        before = slots(sync.databases["one"])
        report = set_up(config(sync), [sync.named("there")])
        assert slots(sync.databases["one"]) == before
        assert [what for what in report.done if "slot" in what] == []
        assert checkpoint(sync, "there") is not None
    finally:
        sync.close()


def test_a_checkpoint_without_its_slot_is_loud(postgres: Server, tmp_path: Path) -> None:
    """Setup never makes a new slot for an old checkpoint: changes between the two would be lost silently."""
    sync = two_way(tmp_path, postgres.create_database("one"), postgres.create_database("other"))
    try:
        set_up(config(sync), [sync.named("there")])
        (slot,) = slots(sync.databases["one"])
        sync.databases["one"].run("SELECT pg_drop_replication_slot(%s)", (slot,))
        with pytest.raises(LogGone, match="does not exist"):
            set_up(config(sync), [sync.named("there")])
    finally:
        sync.close()


def test_a_route_without_a_table_is_named(sync: Sync) -> None:
    """SL005 names the entry under `from` that takes no table; no slot is made."""
    one = sync.databases["one"]
    sync.pipelines["there"]["tables"].append(  # type: ignore[attr-defined]
        {"from": f"{schema(one)}.missing", "to": f"{schema(sync.databases['other'])}.missing"}
    )
    with pytest.raises(SourceSchemaError, match=r"\.missing"):
        set_up(config(sync), [sync.named("there")])
    assert slots(one) == []
    assert checkpoint(sync, "there") is None


def test_setup_and_teardown_report_in_json(sync: Sync) -> None:
    """With --json both print what was done and what was there already."""
    made = json.loads(sync.command("setup", "--json").out)
    assert any(what.startswith("other: checkpoint of") for what in made["done"])
    gone = json.loads(sync.command("teardown", "--yes", "--json").out)
    assert any(what.startswith("other: checkpoint of") for what in gone["done"])
