"""The log that a checkpoint was read from is known again, and no other is taken for it, whatever its numbers say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdc_agent.errors import LogGone
from cdc_agent.model.positions import BinlogPosition
from tests.contract.test_mysql_source import Session, by_place, prepared, resumed
from tests.support import servers
from tests.support.mysql_reading import Reading, keys, running
from tests.support.servers import Server, ServerSpec
from tests.support.sync import Sync, pipeline
from tests.support.waiting import wait_until

Resume = Callable[[BinlogPosition], BinlogPosition]


@pytest.fixture(scope="module", params=[*servers.selection().of("mariadb")[-1:], *servers.selection().of("mysql")[-1:]])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose log may be reset: of this module alone."""
    spec: ServerSpec = request.param
    made = servers.launch(spec, in_memory=True)
    yield made
    made.remove()


def reset(server: Server) -> None:
    """Begin a new log, in a later second than the old one."""
    before = server.run("SELECT UNIX_TIMESTAMP()")
    wait_until(lambda: server.run("SELECT UNIX_TIMESTAMP()") != before, what="the server's next second")
    server.run("RESET MASTER" if server.spec.engine == "mariadb" else "RESET BINARY LOGS AND GTIDS")


def insert(session: Session, numbers: range) -> None:
    session(*(f"INSERT INTO t VALUES ({number}, 'x')" for number in numbers))


@resumed
def test_a_log_that_was_reset_is_not_taken_for_the_old_one(server: Server, resume: Resume) -> None:
    """It has grown past file, offset and GTIDs of the position: nothing but its events says that it is another."""
    _, session, reading = prepared(server)
    reset(server)
    first = reading.now()
    insert(session, range(3))
    with running(reading, first):
        assert keys(reading.changes()) == [0, 1, 2]
        last = reading.position()
    reset(server)
    insert(session, range(10, 60))
    for position in (first, last):
        assert isinstance(position, BinlogPosition)
        with pytest.raises(LogGone, match="not the one") as caught:
            reading.start(resume(position))
        assert "teardown" in caught.value.advice
    session.close()


def test_a_log_without_its_old_files_is_known_again(server: Server) -> None:
    """Purging what was read takes nothing away: the start goes on where it was."""
    _, session, reading = prepared(server)
    start = reading.now()
    insert(session, range(3))
    position = read(reading, start)
    session("FLUSH LOGS")
    insert(session, range(10, 13))
    session(f"PURGE BINARY LOGS TO '{reading.now().file}'")
    with running(reading, position):
        assert keys(reading.changes()) == [10, 11, 12]
    with pytest.raises(LogGone):
        reading.start(by_place(position))
    session.close()


def test_an_idle_log_that_turns_to_another_file_is_known_there(server: Server) -> None:
    """Where nothing but the server's own events was read, one of those is what the log is known by."""
    _, session, reading = prepared(server)
    with running(reading, reading.now()):
        session("FLUSH LOGS")
        reading.catch_up()
        position = reading.position()
    assert isinstance(position, BinlogPosition)
    assert position.seen is not None
    assert position.seen.file == position.file
    session(f"PURGE BINARY LOGS TO '{position.file}'")
    insert(session, range(3))
    for known in (position, by_place(position)):
        with running(reading, known):
            assert keys(reading.changes()) == [0, 1, 2]
    reset(server)
    session("FLUSH LOGS")
    insert(session, range(10, 60))
    for known in (position, by_place(position)):
        with pytest.raises(LogGone):
            reading.start(known)
    session.close()


def read(reading: Reading, start: BinlogPosition) -> BinlogPosition:
    """Read all that there is; where that ends."""
    with running(reading, start):
        reading.catch_up()
        position = reading.position()
    assert isinstance(position, BinlogPosition)
    return position


def test_check_finds_a_log_that_was_reset(server: Server, tmp_path: Path) -> None:
    """PF030 while nothing runs, in a checkpoint that `setup` has written and that no agent has moved."""
    source, target = server.create_database("one"), server.create_database("other")
    for database in (source, target):
        database.run("CREATE TABLE t (id INT PRIMARY KEY)")
    there = pipeline(("one", source), ("other", target), ["t"])
    sync = Sync(tmp_path, {"one": source, "other": target}, {"there": there})
    sync.setup()
    assert "PF030" not in sync.command("check", check=False).out
    reset(server)
    for number in range(40):
        source.run("INSERT INTO t VALUES (%s)", (number,))
    assert "PF030" in sync.command("check", check=False).out
    done = sync.command("run", "--until-caught-up", check=False)
    assert (done.status, "error SL002" in done.err) == (1, True)
    assert target.run("SELECT count(*) FROM t") == [(0,)]
    sync.close()
