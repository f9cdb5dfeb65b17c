"""The proxy breaks connections where and as it was told, and otherwise changes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pymysql
import pytest

from tests.support import engines
from tests.support.engines import AdminConnection
from tests.support.proxy import HOST, Direction, Proxy, proxy_to
from tests.support.servers import Database, Server
from tests.support.waiting import NeverHappenedError, wait_until

BROKEN = (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InternalError, ConnectionError)
QUICK = 0.3


@pytest.fixture
def database(any_server: Server) -> Iterator[Database]:
    database = any_server.create_database("proxy")
    database.run("CREATE TABLE seen (a int PRIMARY KEY)")
    yield database
    database.drop()


@pytest.fixture
def proxy(any_server: Server) -> Iterator[Proxy]:
    with proxy_to(any_server.port) as proxy:
        yield proxy


def test_bytes_pass_unchanged(database: Database, proxy: Proxy) -> None:
    """A megabyte goes to the server and comes back as it was."""
    text = "x" * 1_000_000
    with _connect(database, proxy) as connection:
        assert engines.run(connection, "SELECT %s", (text,)) == [(text,)]
    assert min(proxy.bytes.values()) > 1_000_000
    wait_until(lambda: proxy.connections == 0, what="the connection is forgotten")


def test_a_cut_connection_is_broken_and_a_new_one_works(database: Database, proxy: Proxy) -> None:
    """`cut` breaks what is open and takes what comes."""
    connection = _connect(database, proxy)
    proxy.cut()
    with pytest.raises(BROKEN):
        engines.run(connection, "SELECT 1")
    with _connect(database, proxy) as again:
        assert engines.run(again, "SELECT 1") == [(1,)]


def test_refusing_lets_nobody_in_until_it_ends(database: Database, proxy: Proxy) -> None:
    """`refuse` breaks new connections as well, `accept` takes them again."""
    proxy.refuse()
    with pytest.raises(BROKEN):
        _connect(database, proxy)
    proxy.accept()
    _connect(database, proxy).close()


def test_a_stalled_connection_goes_on_afterwards(database: Database, proxy: Proxy) -> None:
    """`stall` holds the bytes back and loses none."""
    rows: list[object] = []
    with _connect(database, proxy) as connection:
        proxy.stall()
        query = threading.Thread(target=lambda: rows.extend(engines.run(connection, "SELECT 7")))
        query.start()
        with pytest.raises(NeverHappenedError):
            wait_until(lambda: rows, timeout=QUICK)
        proxy.resume()
        query.join(timeout=30)
    assert rows == [(7,)]


def test_delay_is_felt_in_both_directions(database: Database, proxy: Proxy) -> None:
    """A round trip takes the delay twice."""
    with _connect(database, proxy) as connection:
        proxy.delay(QUICK)
        started = time.monotonic()
        engines.run(connection, "SELECT 1")
        assert time.monotonic() - started >= 2 * QUICK
        proxy.delay(0)


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_cut_after_some_bytes(database: Database, proxy: Proxy, direction: Direction) -> None:
    """Exactly that many bytes go through in the direction, the connection ends, and the next one is left alone."""
    connection = _connect(database, proxy)
    before = proxy.bytes[direction]
    proxy.cut_after(100_000, direction)
    with pytest.raises(BROKEN):
        engines.run(connection, "SELECT %s", ("x" * 200_000,))
    assert proxy.bytes[direction] - before == 100_000
    assert proxy.cuts == 1
    with _connect(database, proxy) as again:
        engines.run(again, "SELECT %s", ("x" * 200_000,))


def test_a_lost_reply_leaves_the_commit(database: Database, proxy: Proxy) -> None:
    """The client sees its COMMIT fail although the server carried it out."""
    connection = _in_a_transaction(database, proxy)
    proxy.lose_reply_to(b"COMMIT")
    with pytest.raises(BROKEN):
        engines.run(connection, "COMMIT")
    proxy.wait_for_cut()
    assert database.run("SELECT a FROM seen") == [(1,)]


def test_a_cut_before_the_commit_leaves_nothing(database: Database, proxy: Proxy) -> None:
    """The server never gets the COMMIT, and takes the transaction back."""
    connection = _in_a_transaction(database, proxy)
    proxy.cut_before(b"COMMIT")
    with pytest.raises(BROKEN):
        engines.run(connection, "COMMIT")
    assert proxy.cuts == 1
    database.run("INSERT INTO seen VALUES (1)")


def test_a_disarmed_fault_does_not_strike(database: Database, proxy: Proxy) -> None:
    """`disarm` takes a fault back."""
    with _in_a_transaction(database, proxy) as connection:
        proxy.cut_before(b"COMMIT")
        proxy.disarm()
        engines.run(connection, "COMMIT")
    assert proxy.cuts == 0


def _connect(database: Database, proxy: Proxy) -> AdminConnection:
    server = database.server
    options = {"sslmode": "disable"} if server.is_postgres else {"ssl_disabled": True}
    return engines.connect(
        server.engine, HOST, proxy.port, user=server.user, password=server.password, database=database.name, **options
    )


def _in_a_transaction(database: Database, proxy: Proxy) -> AdminConnection:
    connection = _connect(database, proxy)
    engines.run(connection, "BEGIN")
    engines.run(connection, "INSERT INTO seen VALUES (1)")
    return connection
