"""No row value leaves the databases but into the target and its quarantine."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.support.servers import Server
from tests.support.sync import Sync, route
from tests.support.waiting import wait_until

CANARY = "canary7391"


def test_no_value_in_any_output(tmp_path: Path, crossing: tuple[Server, Server]) -> None:
    """Values that are refused, that clash, or that just pass are in no log line and no command's output."""
    origin, destination = (server.create_database("canary") for server in crossing)
    text = "varchar(40)"
    origin.run(f"CREATE TABLE t (id int PRIMARY KEY, name {text}, code {text})")
    destination.run("CREATE TABLE t (id int PRIMARY KEY, name varchar(12) UNIQUE, code varchar(40) NOT NULL)")
    sync = Sync(
        tmp_path,
        {"a": origin, "b": destination},
        {"a-to-b": {"source": "a", "target": "b", "tables": [route(origin, destination, "t")]}},
    )
    with contextlib.closing(sync):
        sync.setup()
        sync.start("--log-level", "debug")
        for number, (name, code) in enumerate(
            [(f"'{CANARY}'", "'x'"), (f"'{CANARY}'", "'y'"), (f"'{CANARY}-too-long'", "'z'"), ("'n'", "NULL")]
        ):
            origin.run(f"INSERT INTO t VALUES ({number}, {name}, {code})")
        wait_until(lambda: sync.checkpoint("a-to-b").get("quarantined", 0) >= 3, what="three quarantined rows")
        outputs = [sync.log(), sync.command("status", "--json").out, sync.command("quarantine", check=False).out]
        assert destination.run("SELECT id FROM t ORDER BY id") == [(0,)]
    assert all(CANARY not in output for output in outputs)
    assert "row_quarantined" in outputs[0]
