"""A server of a test's own on which a commit can be held between its log and its visibility, as replicas do that are away.

PostgreSQL waits for a synchronous standby that does not exist; MySQL and MariaDB wait for a semi-synchronous replica, at
the point behind the log's sync.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import engines, servers
from tests.support.servers import Database, Server, ServerSpec
from tests.support.waiting import wait_until

_POSTGRES = {
    "synchronous_standby_names": "nobody",
    "synchronous_commit": "local",
    "max_prepared_transactions": "5",
}
_WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
_FOR_EVER = 3_600_000
"""Milliseconds."""


def launch(spec: ServerSpec) -> Server:
    """The caller removes it."""
    server = servers.launch(spec, _POSTGRES if spec.engine == "postgres" else {}, in_memory=True)
    if spec.engine == "mysql":
        server.run("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
    if spec.engine != "postgres":
        role = _role(server)
        server.run(f"SET GLOBAL rpl_semi_sync_{role}_timeout = {_FOR_EVER}")
        server.run(f"SET GLOBAL rpl_semi_sync_{role}_wait_point = AFTER_SYNC")
    return server


@contextmanager
def held(database: Database, script: str) -> Iterator[None]:
    """Inside it the commit at the end of `script` is in the log and not visible."""
    server = database.server
    if not server.is_postgres:
        server.run(f"SET GLOBAL rpl_semi_sync_{_role(server)}_enabled = ON")
    thread = threading.Thread(target=lambda: _commit(database, script), daemon=True)
    thread.start()
    try:
        wait_until(lambda: _waits(server), what="the commit waits")
        yield
    finally:
        release(server)
        thread.join(60)
        assert not thread.is_alive()


def release(server: Server) -> None:
    """Let what is held become visible; a second time does nothing."""
    if server.is_postgres:
        server.run(f"SELECT pg_cancel_backend(pid) FROM ({_WAITING}) AS waiting")
    else:
        server.run(f"SET GLOBAL rpl_semi_sync_{_role(server)}_enabled = OFF")


def _commit(database: Database, script: str) -> None:
    options = {"options": "-c synchronous_commit=on"} if database.server.is_postgres else {}
    connection = database.connect(**options)
    try:
        engines.run(connection, script)
    finally:
        connection.close()


def _waits(server: Server) -> bool:
    if server.is_postgres:
        return bool(server.run(_WAITING))
    return any("semi-sync ACK" in str(state) for *_, state in (row[:7] for row in server.run("SHOW PROCESSLIST")))


def _role(server: Server) -> str:
    return "source" if server.engine == "mysql" else "master"
