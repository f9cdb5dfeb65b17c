"""Pipelines of one real server share its log: one connection, every row once, whatever becomes of that connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cdc_agent.errors import SourceUnavailable
from cdc_agent.model.changes import Transaction
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql import sharing
from tests.support import servers
from tests.support.mysql_reading import Reading, changes_of, keys
from tests.support.servers import Database
from tests.support.waiting import wait_until

SERVERS = servers.selection().of("mysql", "mariadb")
READINGS = 3
ROWS = 400


@pytest.fixture(params=SERVERS, ids=str)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    made = servers.server(request.param).create_database("shared")
    made.run("CREATE TABLE t (id INT PRIMARY KEY, b VARCHAR(200))")
    yield made
    made.drop()


@pytest.fixture
def readings(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Reading]]:
    """Three pipelines, which are many here."""
    monkeypatch.setattr(sharing, "FEW", 1)
    made = [Reading(database, pipeline=f"{database.name}_{number}") for number in range(READINGS)]
    yield made
    for reading in made:
        reading.stop()


def dumps(database: Database) -> list[int]:
    """The server's threads that send its log to one of us."""
    return database.server.sessions(database.name, "Binlog Dump")


def write(database: Database, first: int, *, each: int = 4) -> None:
    """ROWS rows, `each` in a transaction."""
    connection = database.connect()
    with connection.cursor() as cursor:
        for start in range(first, first + ROWS, each):
            cursor.execute("BEGIN")
            for number in range(start, start + each):
                cursor.execute("INSERT INTO t VALUES (%s, REPEAT('x', 150))", (number,))
            cursor.execute("COMMIT")
    connection.close()


def start_all(readings: list[Reading], database: Database) -> int:
    """Start them one after the other while rows are written; returns how many rows there are."""
    position = readings[0].now()
    writer = threading.Thread(target=write, args=(database, 0))
    writer.start()
    for reading in readings:
        reading.start(position)
    writer.join()
    return ROWS


def share(readings: list[Reading], database: Database) -> None:
    """Wait until all have gone over to one connection."""
    wait_until(lambda: len(dumps(database)) == 1, what="one connection is left")
    assert all(reading.error is None for reading in readings)


def emitted(reading: Reading) -> list[int]:
    """The keys of every row, in the order in which they came."""
    found: list[Transaction] = reading.catch_up()
    return [key for transaction in found for key in keys(changes_of(transaction))]


def test_many_pipelines_have_one_connection_and_every_row_once(readings: list[Reading], database: Database) -> None:
    """They start at one position while rows are written, and more are written when they share the log."""
    count = start_all(readings, database)
    share(readings, database)
    write(database, count)
    for reading in readings:
        assert emitted(reading) == list(range(count + ROWS))
        assert resumes(reading)


def resumes(reading: Reading) -> bool:
    """A position from the shared log is one to start from: nothing comes again."""
    position = reading.position()
    reading.stop()
    reading.start(position)
    return emitted(reading) == []


def test_new_files_of_the_log_are_followed(readings: list[Reading], database: Database) -> None:
    """The log is rotated before they come together and after."""
    position = readings[0].now()
    write(database, 0)
    database.run("FLUSH BINARY LOGS")
    for reading in readings:
        reading.start(position)
    share(readings, database)
    write(database, ROWS)
    database.run("FLUSH BINARY LOGS")
    write(database, 2 * ROWS)
    for reading in readings:
        assert emitted(reading) == list(range(3 * ROWS))


def test_one_that_falls_behind_reads_for_itself_again(
    readings: list[Reading], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More waits for it than is held: it goes on inside a transaction as if nothing had happened, then joins again."""
    count = start_all(readings, database)
    share(readings, database)
    monkeypatch.setattr(sharing, "HELD_BYTES", 5_000)
    slow = readings[1]
    slow.hold.clear()
    write(database, count, each=40)
    for reading in (readings[0], readings[2]):
        assert emitted(reading) == list(range(count + ROWS))
    slow.hold.set()
    assert emitted(slow) == list(range(count + ROWS))
    monkeypatch.setattr(sharing, "HELD_BYTES", 1 << 20)
    share(readings, database)
    write(database, count + ROWS)
    for reading in readings:
        assert emitted(reading) == list(range(count + 2 * ROWS))
        assert reading.error is None


def test_a_broken_shared_connection_interrupts_all_and_loses_nothing(
    readings: list[Reading], database: Database
) -> None:
    """Its thread on the server is killed while rows are written: from where each has come to, the rest comes once."""
    count = start_all(readings, database)
    share(readings, database)
    writer = threading.Thread(target=write, args=(database, count))
    writer.start()
    (shared,) = dumps(database)
    database.server.run(f"KILL {shared}")
    writer.join()
    before: list[list[int]] = []
    for reading in readings:
        assert isinstance(reading.failure(), SourceUnavailable)
        before.append([key for one in reading.emitted for key in keys(changes_of(one))])
    for reading in readings:
        reading.stop()
        reading.start([one.position for one in reading.emitted if isinstance(one.position, BinlogPosition)][-1])
    for reading, first in zip(readings, before, strict=True):
        assert first + emitted(reading) == list(range(count + ROWS))
    share(readings, database)


def test_few_pipelines_keep_their_own_connections(database: Database) -> None:
    """Two pipelines are not many: nothing is shared."""
    made = [Reading(database, pipeline=f"{database.name}_{number}") for number in range(2)]
    try:
        for reading in made:
            reading.start(reading.now())
        write(database, 0)
        for reading in made:
            assert emitted(reading)[-1] == ROWS - 1
        assert len(dumps(database)) == 2
    finally:
        for reading in made:
            reading.stop()
