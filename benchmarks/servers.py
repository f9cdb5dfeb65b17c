"""The servers of a run: a source and a target of each engine, so that no log holds what a pipeline wrote.

They come from where the demonstration has them; MySQL from a Docker image where one is named.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import psutil
import psycopg
import pymysql

from cdc_agent.demo import servers
from cdc_agent.demo.servers import RunningServer

Engine: TypeAlias = Literal["postgresql", "mysql"]
ENGINES: Final[tuple[Engine, ...]] = ("postgresql", "mysql")
"""`mysql` stands for MariaDB as well; `Server.running.engine` tells them apart."""

POSTGRES_SETTINGS: Final = {"max_wal_senders": "150", "max_replication_slots": "150", "max_connections": "600"}
MYSQL_SETTINGS: Final = {"max_connections": "600"}
START_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that this run started, and the process that its others descend from."""

    engine: Engine
    running: RunningServer
    pid: int

    def connect(self, database: str | None = None) -> Any:
        """An autocommit connection as administrator; `execute` it through `run`."""
        if self.engine == "postgresql":
            url = self.running.url(database or "postgres")
            return psycopg.connect(url, password=self.running.password, autocommit=True)
        return pymysql.connect(
            host="127.0.0.1",
            port=self.running.port,
            user=self.running.user,
            password=self.running.password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            local_infile=True,
        )

    def schema(self, database: str) -> str:
        """What stands before a table's name in a configuration."""
        return "public" if self.engine == "postgresql" else database

    def version(self) -> str:
        """The engine's name and the version that the server gives itself."""
        with contextlib.closing(self.connect()) as connection:
            words = str(run(connection, "SHOW server_version" if self.engine == "postgresql" else "SELECT version()"))
        return f"{TITLES[self.running.engine]} {words.strip('[](),').strip(chr(39)).split('-')[0].split(' ')[0]}"


TITLES: Final = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}


@dataclass(frozen=True, slots=True)
class Rig:
    """All servers of a run."""

    source: Mapping[Engine, Server]
    target: Mapping[Engine, Server]

    @property
    def pids(self) -> list[int]:
        return [server.pid for side in (self.source, self.target) for server in side.values()]


@contextlib.contextmanager
def rig(mysql_image: str | None) -> Iterator[Rig]:
    """Start a source and a target of each engine; they end with the context. Raises ServerMissing."""
    with contextlib.ExitStack() as stack:

        def side() -> dict[Engine, Server]:
            return {
                "postgresql": stack.enter_context(_postgres()),
                "mysql": stack.enter_context(_container(mysql_image) if mysql_image else _mysql()),
            }

        yield Rig(side(), side())


def run(connection: Any, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement; its rows, which may be none."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


@contextlib.contextmanager
def database(server: Server, name: str) -> Iterator[Any]:
    """A new database and a connection to it; dropped at the end."""
    with contextlib.closing(server.connect()) as administrator:
        run(administrator, f"CREATE DATABASE {name}")
        try:
            with contextlib.closing(server.connect(name)) as connection:
                yield connection
        finally:
            force = " WITH (FORCE)" if server.engine == "postgresql" else ""
            run(administrator, f"DROP DATABASE {name}{force}")


def settle(server: Server) -> None:
    """Let what a backlog left behind be written now, and not while something is measured."""
    with contextlib.closing(server.connect()) as connection:
        if server.engine == "postgresql":
            run(connection, "CHECKPOINT")
        else:
            run(connection, "FLUSH BINARY LOGS")


def drop_logs(server: Server) -> None:
    """Release the disk that earlier rounds' binlogs hold; PostgreSQL does so by itself."""
    if server.engine == "mysql":
        with contextlib.closing(server.connect()) as connection:
            run(connection, "FLUSH BINARY LOGS")
            newest = run(connection, "SHOW BINARY LOGS")[-1][0]
            run(connection, f"PURGE BINARY LOGS TO '{newest}'")


@contextlib.contextmanager
def _postgres() -> Iterator[Server]:
    with (
        tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder,
        servers.postgres(Path(folder), POSTGRES_SETTINGS) as running,
    ):
        yield Server("postgresql", running, _listener(running.port))


@contextlib.contextmanager
def _mysql() -> Iterator[Server]:
    with (
        tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder,
        servers.mysql(Path(folder), MYSQL_SETTINGS) as running,
    ):
        yield Server("mysql", running, _listener(running.port))


def _listener(port: int) -> int:
    """Our child that listens on the port."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in process.net_connections("tcp")):
                return int(process.pid)
    raise RuntimeError(f"no process of ours listens on port {port}")


_CONTAINER_SETTINGS: Final = {
    "server_id": "4711",
    "log_bin": "binlog",
    "binlog_row_metadata": "FULL",
    "local_infile": "ON",
}
_OWN_SETTINGS: Final = {
    "mysql": {"gtid_mode": "ON", "enforce_gtid_consistency": "ON"},
    "mariadb": {"binlog_format": "ROW"},
}


@contextlib.contextmanager
def _container(image: str) -> Iterator[Server]:
    port, password = servers.free_port(), secrets.token_urlsafe(12)
    title = "mariadb" if "mariadb" in image else "mysql"
    settings = MYSQL_SETTINGS | _CONTAINER_SETTINGS | _OWN_SETTINGS[title]
    options = [
        "--detach",
        "--rm",
        f"--name=cdc-bench-{title}-{port}",
        f"--publish=127.0.0.1:{port}:3306",
        "--env=MYSQL_ROOT_PASSWORD",
    ]
    started = subprocess.run(
        [
            "docker",
            "run",
            *options,
            image,
            *(f"--{name.replace('_', '-')}={value}" for name, value in settings.items()),
        ],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "MYSQL_ROOT_PASSWORD": password},
        capture_output=True,
        text=True,
        check=True,
    )
    container = started.stdout.strip()
    try:
        running = RunningServer(title, port, "root", password)
        pid = subprocess.run(
            ["docker", "inspect", "--format={{.State.Pid}}", container], capture_output=True, text=True, check=True
        )
        server = Server("mysql", running, int(pid.stdout))
        _wait_for(server)
        yield server
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=True)


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.connect().close()
        except pymysql.err.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
