"""A log that is ahead of what others see: rows are read again only when the transaction that tells of them is visible."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from cdc_agent.errors import NotYetVisible, SourceUnavailable
from cdc_agent.flow.entrance import Entrance
from cdc_agent.model.changes import Rows, Table
from cdc_agent.model.values import Row
from cdc_agent.sources import visible
from cdc_agent.sources.mysql.source import MysqlSource
from cdc_agent.tables.mysql import MysqlTables
from cdc_agent.tables.mysql import reader as mysql_reader
from tests.support import mysql_reading, postgres_reading, servers
from tests.support.held import held, launch, release
from tests.support.servers import Database, Server
from tests.support.waiting import wait_until

Reading = postgres_reading.Reading | mysql_reading.Reading

SHORT = 0.5
"""Seconds in which a row that does not wait would long be there."""
NEWS = "BEGIN; UPDATE t SET n = 2 WHERE id = 1; SAVEPOINT s; INSERT INTO t VALUES (2, 2, 'new'); COMMIT"
MYSQL = servers.selection().of("mysql")
POSTGRES = servers.selection().of("postgres")


@pytest.fixture(scope="module", params=servers.selection().specs, ids=str)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    started = launch(request.param)
    yield started
    started.remove()


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    created = server.create_database()
    created.run(f"CREATE TABLE t (id INT PRIMARY KEY, n INT, note {'TEXT' if server.is_postgres else 'LONGTEXT'})")
    yield created
    release(server)
    created.drop()


@pytest.fixture
def reading(database: Database) -> Iterator[Reading]:
    """The table's log, read up to a first row that everybody sees."""
    one = _reading(database)
    database.run("INSERT INTO t VALUES (1, 1, 'old')")
    one.catch_up()
    yield one
    one.stop()


def _reading(database: Database) -> Reading:
    if database.server.is_postgres:
        slot = postgres_reading.Reading(database, [("public", "t")])
        slot.start(slot.prepare())
        return slot
    log = mysql_reading.Reading(database)
    log.start(log.now())
    return log


def received(reading: Reading, count: int) -> Table:
    """Wait for so many transactions with rows; their table."""
    found = wait_until(lambda: [t for t in list(reading.emitted) if t.pieces][count - 1 :], what="rows arrive")
    piece = found[0].pieces[0]
    assert isinstance(piece, Rows)
    return piece.table


def has_part(reading: Reading) -> bool:
    return any(not one.last for one in list(reading.emitted))


class BehindAPart(threading.Event):
    """Holds the reader behind the first part of a transaction, until it is set."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self._reading = reading

    def wait(self, timeout: float | None = None) -> bool:
        return not has_part(self._reading) or super().wait(timeout)


def reread(reading: Reading, table: Table, number: int) -> Row | None:
    return reading.source.reread(table, {"id": b"%d" % number})


def waits(future: Future[Any]) -> bool:
    """Whether it is not done for a while."""
    try:
        future.result(SHORT)
    except TimeoutError:
        return True
    return False


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_row_is_read_again_when_its_transaction_is_visible(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """Neither the old version of a row nor its absence is an answer while the commit waits for a replica."""
    with held(database, NEWS):
        table = received(reading, 2)
        answer = beside.submit(reread, reading, table, 2)
        assert waits(answer)
        release(database.server)
        assert answer.result(60) == (b"2", b"2", b"new")
        assert reread(reading, table, 1) == (b"1", b"2", b"old")


def test_rows_of_a_transaction_whose_end_was_not_received_wait_for_it(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """A large transaction comes in parts, the first of which is mapped before its commit has arrived."""
    table = received(reading, 1)
    wide = "; ".join(f"INSERT INTO t VALUES ({number}, 1, '{'x' * 600_000}')" for number in range(3, 7))
    reading.hold = BehindAPart(reading)
    with held(database, f"BEGIN; {wide}; COMMIT"):
        wait_until(lambda: has_part(reading), what="a part arrives")
        answer = beside.submit(reread, reading, table, 3)
        assert waits(answer)
    row = answer.result(60)
    assert row is not None
    assert row[0] == b"3"


@pytest.mark.parametrize("server", POSTGRES, ids=str, indirect=True)
def test_a_prepared_transaction_is_waited_for_as_well(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """Its rows come with COMMIT PREPARED, which waits for the standby."""
    database.run("BEGIN; INSERT INTO t VALUES (2, 2, 'new'); PREPARE TRANSACTION 'p'")
    with held(database, "COMMIT PREPARED 'p'"):
        answer = beside.submit(reread, reading, received(reading, 2), 2)
        assert waits(answer)
    assert answer.result(60) == (b"2", b"2", b"new")


def test_a_commit_that_does_not_become_visible_ends_the_session(
    database: Database, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent begins again from its checkpoint, and says what it waits for."""
    monkeypatch.setattr(visible, "VISIBLE_SECONDS", SHORT)
    with held(database, NEWS):
        table = received(reading, 2)
        with pytest.raises(NotYetVisible, match="does not show transactions"):
            reread(reading, table, 2)
    assert reread(reading, table, 2) == (b"2", b"2", b"new")


def test_a_source_that_is_closed_waits_no_longer(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """A pipeline that ends is not held up by a replica that is away."""
    with held(database, NEWS):
        answer = beside.submit(reread, reading, received(reading, 2), 2)
        assert waits(answer)
        reading.source.close()
        assert isinstance(answer.exception(visible.VISIBLE_SECONDS / 2), NotYetVisible)


def test_a_watch_begins_when_all_that_was_received_is_visible(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """The stream may have written it already, so rows that are read under the watch must show it."""
    with held(database, NEWS):
        received(reading, 2)
        rows = beside.submit(watched, database, reading)
        assert waits(rows)
    assert rows.result(60) == [(1, 2), (2, 2)]


def watched(database: Database, reading: Reading) -> list[tuple[object, ...]]:
    """The rows as they are read under a watch."""
    entrance = Entrance()
    entrance.begin(reading.source.settle)
    with entrance.watch(("public", "t")):
        found = database.run("SELECT id, n FROM t ORDER BY id")
    assert entrance.watches == ()
    return found


def test_a_watch_waits_for_what_the_target_holds(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """It is not read again for the stream's sake, but whoever copies rows would bring its older ones back."""
    watched(database, reading)
    with held(database, NEWS):
        received(reading, 2)
        reading.source.acknowledge(reading.position())
        rows = beside.submit(watched, database, reading)
        assert waits(rows)
    assert rows.result(60) == [(1, 2), (2, 2)]


@pytest.mark.parametrize("server", servers.selection().of("postgres", "mariadb"), ids=str, indirect=True)
def test_a_watch_waits_for_what_an_earlier_session_was_handed_over(
    database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """The target may hold it, so that this session begins behind it and never hears of it. On MySQL none begins."""
    with held(database, NEWS):
        received(reading, 2)
        position = reading.position()
        reading.stop()
        reading.start(position)
        rows = beside.submit(watched, database, reading)
        assert waits(rows)
    assert rows.result(60) == [(1, 2), (2, 2)]


@pytest.fixture
def without_gtids(server: Server) -> Iterator[None]:
    for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"):
        server.run(f"SET GLOBAL gtid_mode = {mode}")
    yield
    for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"):
        server.run(f"SET GLOBAL gtid_mode = {mode}")


@pytest.mark.parametrize("server", MYSQL, ids=str, indirect=True)
def test_without_gtids_the_row_s_lock_is_waited_for(
    without_gtids: None, database: Database, reading: Reading, beside: ThreadPoolExecutor
) -> None:
    """The server does not tell what is visible, but the transaction holds its rows until it is."""
    assert isinstance(reading.source, MysqlSource)
    with held(database, NEWS):
        table = received(reading, 2)
        answer = beside.submit(reread, reading, table, 2)
        assert waits(answer)
    assert answer.result(60) == (b"2", b"2", b"new")


@pytest.mark.parametrize("server", MYSQL, ids=str, indirect=True)
def test_a_row_that_stays_locked_is_not_read_as_it_was(
    database: Database, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds it may be the transaction that the log has told of, where the server does not say."""
    settings = (*mysql_reader._SETTINGS, "SET SESSION innodb_lock_wait_timeout = 1")
    monkeypatch.setattr(mysql_reader, "_SETTINGS", settings)
    table = received(reading, 1)
    tables = MysqlTables(reading.settings, "reads again", SourceUnavailable)
    try:
        with held(database, NEWS):
            with pytest.raises(NotYetVisible, match="locked"):
                tables.reread(table, {"id": b"1"})
            assert tables.reread(table, {"id": b"1"}, visible=True) == (b"1", b"1", b"old")
    finally:
        tables.close()
