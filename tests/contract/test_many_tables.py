"""Many tables in one pipeline: a start asks the catalogues as often as with a few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from pymysql.connections import Connection

from cdc_agent.config.load import load
from cdc_agent.flow.pipeline import Pipeline
from cdc_agent.preflight.setup import set_up
from tests.conftest import Pairing
from tests.support.sync import Sync, pipeline

FEW, MANY = 10, 150
OWN = 2  # what the agent asks about its own tables comes once more or less, by where the log is cut
CATALOGUES = ("pg_attribute", "pg_class", "pg_type", "pg_index", "pg_constraint", "pg_inherits", "information_schema")


def made(pairing: Pairing, folder: Path, count: int) -> Sync:
    """A pipeline over so many tables, a child of the first among them, with a row in each."""
    one, other = pairing.source.create_database("one"), pairing.target.create_database("other")
    names = [f"t{number}" for number in range(count)]
    for database in (one, other):
        for name in names:
            foreign = ", parent integer REFERENCES t0 (id) ON DELETE SET NULL" if name == "t1" else ""
            database.run(f"CREATE TABLE {name} (id integer PRIMARY KEY, note varchar(20){foreign})")
    folder.mkdir()
    sync = Sync(folder, {"one": one, "other": other}, {"there": pipeline(("one", one), ("other", other), names)})
    config = load(sync.write(), {})
    set_up(config, list(config.pipelines))
    one.run("; ".join(["BEGIN", *(f"INSERT INTO {name} (id, note) VALUES (1, 'first')" for name in names), "COMMIT"]))
    return sync


@contextmanager
def questions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that this process sends meanwhile and that look at a catalogue."""
    asked: list[str] = []
    psycopg_execute, pymysql_query = psycopg.Cursor.execute, Connection.query

    def note(statement: Any) -> None:
        text = statement.decode() if isinstance(statement, bytes) else str(statement)
        if any(name in text for name in CATALOGUES):
            asked.append(text)

    def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        note(query)
        return psycopg_execute(self, query, *arguments, **options)

    def query(self: Any, sql: Any, *arguments: Any, **options: Any) -> Any:
        note(sql)
        return pymysql_query(self, sql, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", execute)
        patched.setattr(Connection, "query", query)
        yield asked


def asked_by_a_start(pairing: Pairing, folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sync = made(pairing, folder, count)
    try:
        config = load(sync.file, {})
        with questions(monkeypatch) as asked:
            Pipeline(config, sync.named("there"), stop=Event(), until_caught_up=True).run()
        arrived = sync.databases["other"].run(
            " UNION ALL ".join(f"SELECT count(*) FROM t{number}" for number in range(count))
        )
        assert arrived == [(1,)] * count
        return asked
    finally:
        sync.close()


def test_many_tables_are_described_with_as_many_questions_as_a_few(
    pairing: Pairing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rows of all tables come in one transaction; none is read of the catalogues table by table."""
    few = asked_by_a_start(pairing, tmp_path / "few", FEW, monkeypatch)
    many = asked_by_a_start(pairing, tmp_path / "many", MANY, monkeypatch)
    assert len(few) > 0
    assert len(many) <= len(few) + OWN, "\n".join(many[:60])
