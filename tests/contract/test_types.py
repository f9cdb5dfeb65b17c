"""The type table, end to end: every type of either engine, at its edges, in all four pairings, by streaming.

Rows are written by plain SQL on the source, the target's table is made by ``setup --create-tables``, and what arrives
is compared by the oracle, which shares no code with the product, or with the text that a person sees there.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import typecases
from tests.support.oracle import Match, Value, assert_equal
from tests.support.servers import Database, Pairing, Server
from tests.support.sync import Sync
from tests.support.sync import pipeline as a_pipeline
from tests.support.typecases import KEY_MOVES, KEYS, POSTGRES_TYPES, Table, family, write
from tests.support.typechoices import CHOSEN, CREATED, Chosen

TARGET_TYPES = POSTGRES_TYPES.replace("CREATE EXTENSION IF NOT EXISTS hstore;", "")


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def databases(pairing: Pairing) -> tuple[Database, Database]:
    source, target = pairing.source.create_database("from"), pairing.target.create_database("to")
    if source.server.is_postgres:
        source.run(POSTGRES_TYPES)
    if target.server.is_postgres:
        target.run("CREATE EXTENSION hstore")
    return source, target


@contextlib.contextmanager
def agent(folder: Path, source: Database, target: Database, tables: list[str], **options: object) -> Iterator[Sync]:
    """A pipeline `p` from `here` to `there` that lets any number of rows be refused; with options of its routes."""
    settings = a_pipeline(("here", source), ("there", target), tables, quarantine_limit=1)
    for route in settings["tables"]:
        route.update(options)
    sync = Sync(folder, {"here": source, "there": target}, {"p": settings})
    with contextlib.closing(sync):
        yield sync


def quarantined(sync: Sync, table: str, pipeline: str = "p") -> dict[int, tuple[str, str, str]]:
    """The table's rows in quarantine by their id: column, code and reason."""
    rows = sync.databases[str(sync.pipelines[pipeline]["target"])].run(
        "SELECT row_data, column_name, code, reason FROM cdc_agent.quarantine "
        "WHERE pipeline = %s AND target_table LIKE %s",
        (sync.named(pipeline), f"%.{table}"),
    )
    return {int(json.loads(row)["id"]): (column, code, reason) for row, column, code, reason in rows}


def lax(source: Database) -> list[str]:
    """MySQL's mode in which it takes zero dates and replaces unknown labels by the empty one."""
    return [] if source.server.is_postgres else ["SET sql_mode = ''"]


def chosen(source: Database, target: Database) -> list[Chosen]:
    """A table whose target types are chosen, and one, where there is something to refuse, that `setup` makes."""
    pair = (family(source.server), family(target.server))
    tables = [Chosen(source, target, "chosen", CHOSEN[pair])]
    return [*tables, Chosen(source, target, "created", CREATED[pair])] if pair in CREATED else tables


def compare(table: Table, target: Database, *, without: tuple[str, ...] = ()) -> None:
    """Source and target hold the same, and what the target shows is what the columns say."""
    same = [one.name for one in table.columns if one.shown_on(target.server) is None and one.name not in without]
    assert_equal(table.database, target, [Match(table.name, columns={name: name for name in ["id", *same]})])
    assert table.shown(target) == []
    if table.database.server.is_postgres and target.server.is_postgres:
        assert texts(table.database, table.name, same) == texts(target, table.name, same)


def texts(database: Database, table: str, columns: list[str]) -> list[tuple[object, ...]]:
    """Every value as PostgreSQL prints it: between two of its databases not a digit may differ."""
    return database.run(f"SELECT id, {', '.join(f'{name}::text' for name in columns)} FROM {table} ORDER BY id")


def test_every_type_is_inserted_updated_and_deleted(
    pairing: Pairing, tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """A column of every type holds on the target what it holds on the source, at each of its edges, through inserts,
    updates of all and of single columns, moved keys and deletes.
    """
    source, target = databases(pairing)
    table = Table(source, "every_type", typecases.columns(source.server))
    table.create()
    sync = stack.enter_context(agent(tmp_path, source, target, [table.name]))
    sync.setup("--create-tables")
    write(source, table.inserts())
    sync.catch_up()
    assert quarantined(sync, table.name) == {}
    compare(table, target)
    minimal = [] if source.server.is_postgres else ["SET binlog_row_image = 'MINIMAL'"]
    write(source, table.updates(), *minimal)
    write(source, table.moves(), *minimal)
    sync.catch_up()
    assert quarantined(sync, table.name) == {}
    compare(table, target)


def test_chosen_types_are_converted_and_what_does_not_fit_is_quarantined(
    pairing: Pairing, tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """A value arrives in the form that the target's own type gives it, or its row waits in quarantine with the reason;
    the other rows of the transaction are applied, and deleting refused rows on the source does no harm.
    """
    source, target = databases(pairing)
    if target.server.is_postgres:
        target.run(TARGET_TYPES)
    tables = chosen(source, target)
    for table in tables:
        table.create()
    sync = stack.enter_context(agent(tmp_path, source, target, [table.name for table in tables]))
    sync.setup("--create-tables")
    write(source, [statement for table in tables for statement in table.inserts()], *lax(source))
    sync.catch_up()
    for table in tables:
        found = {row: (column, code) for row, (column, code, _) in quarantined(sync, table.name).items()}
        assert found == table.refused
        assert table.shown() == table.expected()
    write(source, [f"DELETE FROM {table.name}" for table in tables])
    sync.catch_up()
    assert [table.shown() for table in tables] == [{} for _ in tables]


@pytest.mark.parametrize("policy", ["null", "1970-01-01"])
def test_zero_dates_follow_the_route(
    policy: str, mysql: Server, postgres: Server, tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """MySQL's zero and partial dates become NULL or the date that the route gives."""
    source, target = databases(Pairing(mysql, postgres))
    source.run("CREATE TABLE zero (id int PRIMARY KEY, d date, t datetime(6), s timestamp NULL)")
    sync = stack.enter_context(agent(tmp_path, source, target, ["zero"], zero_dates=policy))
    sync.setup("--create-tables")
    write(source, ["INSERT INTO zero VALUES (1, '2024-00-15', '0000-00-00 00:00:00', '0000-00-00')"], *lax(source))
    sync.catch_up()
    moment = None if policy == "null" else f"{policy} 00:00:00"
    found = target.run("SET TimeZone = 'UTC'; SELECT d::text, t::text, s::text FROM zero")
    assert found == [(None if policy == "null" else policy, moment, moment and f"{moment}+00")]
    assert quarantined(sync, "zero") == {}


def test_keys_of_every_type_identify_their_row(pairing: Pairing, tmp_path: Path, stack: contextlib.ExitStack) -> None:
    """Updates, moved keys and deletes find their row by a key of any type, whatever form the target gives it."""
    source, target = databases(pairing)
    keys = KEYS[family(source.server)]
    names = [f"k{place}" for place in range(len(keys))]
    for name, (declared, *_) in zip(names, keys, strict=True):
        source.run(f"CREATE TABLE {name} (k {declared} PRIMARY KEY, v int)")
    sync = stack.enter_context(agent(tmp_path, source, target, names))
    sync.setup("--create-tables")
    for phase in ("INSERT INTO {t} VALUES ({a}, 1), ({b}, 1)", "UPDATE {t} SET v = 2 WHERE k = {a}", KEY_MOVES):
        changes = [
            statement.format(t=name, a=a, b=b, c=c)
            for name, (_, a, b, c) in zip(names, keys, strict=True)
            for statement in phase.split(";")
        ]
        write(source, changes)
        sync.catch_up()
        assert_equal(source, target, names)
    assert [target.run(f"SELECT v FROM {name}") for name in names] == [[(2,)] for _ in names]


def test_values_come_back_unchanged_from_the_other_engine(
    pairing: Pairing, tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """From one engine to the types that `setup` makes on the other and back into its own types nothing is lost: an
    array becomes JSON and an array again.
    """
    source, between = databases(pairing)
    if source.server.is_postgres == between.server.is_postgres:
        pytest.skip("both are one engine")
    back = pairing.source.create_database("back")
    if back.server.is_postgres:
        back.run(POSTGRES_TYPES)
    table = Table(source, "every_type", [one for one in typecases.columns(source.server) if one.reversible])
    table.create()
    table.create(back)
    named = {"here": source, "there": between, "back": back}
    pipelines = {
        "p": a_pipeline(("here", source), ("there", between), [table.name], quarantine_limit=1),
        "q": a_pipeline(("there", between), ("back", back), [table.name], quarantine_limit=1),
    }
    sync = stack.enter_context(contextlib.closing(Sync(tmp_path, named, pipelines)))
    sync.setup("--create-tables")
    write(source, table.inserts())
    sync.catch_up("--pipeline", sync.named("p"))
    sync.catch_up("--pipeline", sync.named("q"))
    assert quarantined(sync, table.name) == {}
    assert quarantined(sync, table.name, "q") == {}
    readable = [one.name for one in table.columns if one.name != "c_vector"]
    columns = {name: name for name in ["id", *readable]}
    assert_equal(source, back, [Match(table.name, columns=columns, hints={"c_json": as_json})])


def as_json(value: Value) -> Value:
    """MariaDB's JSON is text, of which PostgreSQL's jsonb keeps the content."""
    return json.dumps(json.loads(value, parse_int=float), sort_keys=True) if isinstance(value, str) else value


def test_a_type_that_the_target_lacks_is_named_with_its_extension(
    mysql: Server, postgres: Server, tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    """Without PostGIS `setup` makes no geometry column, and says what to do."""
    source, target = databases(Pairing(mysql, postgres))
    source.run("CREATE TABLE places (id int PRIMARY KEY, place point)")
    sync = stack.enter_context(agent(tmp_path, source, target, ["places"]))
    done = sync.command("setup", "--create-tables", check=False)
    assert done.status == 1
    assert "column place: the target database has no type geometry" in done.err
    assert "CREATE EXTENSION postgis" in done.err
