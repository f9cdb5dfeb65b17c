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
from tests.support.oracle import Match, assert_equal
from tests.support.servers import Database, Pairing
from tests.support.sync import Sync, pipeline
from tests.support.typecases import POSTGRES_TYPES, Table, family, write
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
    """A pipeline `p` from `here` to `there` that lets any number of rows be refused."""
    settings = pipeline(("here", source), ("there", target), tables, quarantine_limit=1, **options)
    sync = Sync(folder, {"here": source, "there": target}, {"p": settings})
    with contextlib.closing(sync):
        yield sync


def quarantined(sync: Sync, table: str) -> dict[int, tuple[str, str, str]]:
    """The table's rows in quarantine by their id: column, code and reason."""
    rows = sync.databases["there"].run(
        "SELECT row_data, column_name, code, reason FROM cdc_agent.quarantine "
        "WHERE pipeline = %s AND target_table LIKE %s",
        (sync.named("p"), f"%.{table}"),
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
    # a minimal image does not hold what a virtual column has become
    minimal = [] if source.server.is_postgres else ["SET binlog_row_image = 'MINIMAL'"]
    write(source, table.updates(), *minimal)
    write(source, table.moves(), *minimal)
    sync.catch_up()
    compare(table, target, without=("c_virtual",))
    assert quarantined(sync, table.name) == {}


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
