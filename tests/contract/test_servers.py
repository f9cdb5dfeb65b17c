"""The servers of the run are what the other tests take them for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.servers import Server


def test_a_server_says_which_it_is(any_server: Server) -> None:
    """The version in the specification is the one that runs."""
    assert any_server.version in any_server.exact_version


@pytest.mark.parametrize("setting", ["log_bin", "local_infile"])
def test_the_binlog_is_on(any_mysql: Server, setting: str) -> None:
    """MySQL writes a row-based binlog with full images and names."""
    assert any_mysql.run(f"SELECT @@{setting}") == [(1,)]
    assert any_mysql.run("SELECT @@binlog_format, @@binlog_row_image, @@binlog_row_metadata") == [("ROW", "FULL", "FULL")]


def test_the_wal_is_logical(any_postgres: Server) -> None:
    """PostgreSQL writes what logical decoding needs."""
    assert any_postgres.run("SHOW wal_level") == [("logical",)]


def test_a_restart_keeps_data(any_server: Server, private_server: Callable[..., Server]) -> None:
    """A private server can be stopped, killed and started again on its data."""
    own = private_server(any_server)
    database = own.create_database()
    database.run("CREATE TABLE kept (a int PRIMARY KEY)")
    own.restart()
    database.run("INSERT INTO kept VALUES (1)")
    own.kill()
    own.start()
    assert database.run("SELECT a FROM kept") == [(1,)]
