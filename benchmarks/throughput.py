"""Rows a second from log to committed rows, beside PostgreSQL's own logical replication on the same rows.

A backlog is written first; then the agent (a process of its own, as `cdc-agent run --until-caught-up`) works it off.
The clock runs from the first committed batch to the last, so that start-up is not counted; the servers share the
machine's cores with the agent.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from benchmarks import workload
from cdc_agent.demo import servers
from cdc_agent.demo.servers import RunningServer


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement."""

    what: str
    rows: int
    seconds: float
    peak_mb: float = 0.0
    """Peak resident memory of the agent, MiB."""

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


@contextlib.contextmanager
def pair_of_servers() -> Iterator[dict[str, RunningServer]]:
    """A PostgreSQL and a MySQL or MariaDB for the whole run."""
    with (
        tempfile.TemporaryDirectory(prefix="cdc-bench-") as one,
        tempfile.TemporaryDirectory(prefix="cdc-bench-") as two,
        servers.postgres(Path(one)) as postgres,
        servers.mysql(Path(two)) as mysql,
    ):
        yield {"postgresql": postgres, "mysql": mysql}


def connect(server: RunningServer, database: str | None) -> Any:
    """An autocommit connection as administrator."""
    if server.engine == "postgresql":
        return psycopg.connect(server.url(database or "postgres"), password=server.password, autocommit=True)
    return pymysql.connect(
        host="127.0.0.1",
        port=server.port,
        user=server.user,
        password=server.password,
        database=database,
        autocommit=True,
    )


def new_database(server: RunningServer, name: str) -> Any:
    """Make a database and connect to it."""
    with contextlib.closing(connect(server, None)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return connect(server, name)


def engine_of(server: RunningServer) -> str:
    """`postgresql` or `mysql`, which also stands for MariaDB."""
    return "postgresql" if server.engine == "postgresql" else "mysql"


def agent(source: RunningServer, target: RunningServer, rows: int, rows_each: int, tag: str) -> Figure:
    """One pipeline over a backlog of `rows` rows."""
    names = (f"bench_{tag}_s", f"bench_{tag}_t")
    with (
        tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder,
        contextlib.closing(new_database(source, names[0])) as origin,
        contextlib.closing(new_database(target, names[1])) as destination,
    ):
        workload.create(origin, engine_of(source), "rows_source")
        workload.create_fill(origin, engine_of(source))
        workload.create(destination, engine_of(target), "rows_target")
        config = config_file(Path(folder), source, target, names)
        subprocess.run([sys.executable, "-m", "cdc_agent", "setup", "-c", config], check=True, capture_output=True)
        workload.fill(origin, engine_of(source), rows, rows_each)
        seconds, peak = _run_agent(config, destination, rows)
        subprocess.run(
            [sys.executable, "-m", "cdc_agent", "teardown", "-c", config, "--yes"], check=True, capture_output=True
        )
    return Figure(f"{source.engine} → {target.engine}", rows, seconds, peak)


def config_file(folder: Path, source: RunningServer, target: RunningServer, names: tuple[str, str]) -> str:
    """Write the configuration of one pipeline; its path."""
    file = folder / "bench.yaml"
    schema_of = {True: "public", False: None}
    origin = schema_of[source.engine == "postgresql"] or names[0]
    destination = schema_of[target.engine == "postgresql"] or names[1]
    file.write_text(f"""
databases:
  origin: {{url: "{source.url(names[0])}", password: "{source.password}"}}
  destination: {{url: "{target.url(names[1])}", password: "{target.password}"}}
pipelines:
  {names[0].removesuffix("_s").replace("_", "-")}:
    source: origin
    target: destination
    tables: [{{from: {origin}.rows_source, to: {destination}.rows_target}}]
""")
    file.chmod(0o600)
    return str(file)


def _run_agent(config: str, destination: Any, rows: int) -> tuple[float, float]:
    """(seconds from the first commit to the last, peak MiB)."""
    command = [sys.executable, "-m", "cdc_agent", "run", "-c", config, "--until-caught-up"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    started = time.perf_counter()
    first: tuple[float, int] | None = None
    while True:
        done = _applied(destination)
        now = time.perf_counter()
        if first is None and done:
            first = (now, done)
        if done >= rows or process.poll() is not None:
            break
        time.sleep(0.01)
    _, errors = process.communicate(timeout=60)
    if process.returncode or first is None:
        raise RuntimeError(errors.decode()[-3000:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return _elapsed(started, first, now, rows), peak


def _elapsed(started: float, first: tuple[float, int], now: float, rows: int) -> float:
    """Seconds for all rows, from the first commit seen on; start-up counts where all rows are one transaction."""
    missing = rows - first[1]
    return (now - first[0]) * rows / missing if missing > 0 else now - started


def _applied(destination: Any) -> int:
    with destination.cursor() as cursor:
        cursor.execute("SELECT max(changes) FROM cdc_agent.checkpoint")
        return int(cursor.fetchone()[0] or 0)


def native(server: RunningServer, rows: int, rows_each: int, tag: str) -> Figure:
    """PostgreSQL's own logical replication between two databases of one server."""
    names = (f"native_{tag}_s", f"native_{tag}_t")
    with (
        contextlib.closing(new_database(server, names[0])) as origin,
        contextlib.closing(new_database(server, names[1])) as destination,
    ):
        workload.create(origin, "postgresql", "rows_source")
        workload.create_fill(origin, "postgresql")
        workload.create(destination, "postgresql", "rows_source")
        origin.execute("CREATE PUBLICATION bench FOR TABLE rows_source")
        origin.execute(f"SELECT pg_create_logical_replication_slot('{names[0]}', 'pgoutput')")
        workload.fill(origin, "postgresql", rows, rows_each)
        conninfo = f"host=127.0.0.1 port={server.port} user={server.user} password={server.password} dbname={names[0]}"
        destination.execute(
            f"CREATE SUBSCRIPTION {names[1]} CONNECTION '{conninfo}' PUBLICATION bench"
            f" WITH (create_slot = false, slot_name = '{names[0]}', copy_data = false)"
        )
        started = time.perf_counter()
        first: tuple[float, int] | None = None
        while True:
            done = destination.execute("SELECT count(*) FROM rows_source").fetchone()[0]
            now = time.perf_counter()
            if first is None and done:
                first = (now, done)
            if done >= rows:
                break
            time.sleep(0.02)
        assert first is not None
        destination.execute(f"DROP SUBSCRIPTION {names[1]}")
    return Figure("postgresql → postgresql (native)", rows, _elapsed(started, first, now, rows))
