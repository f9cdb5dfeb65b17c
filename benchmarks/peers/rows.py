"""`pymysqlreplication` going through `event.rows` of the same binlog; nothing is mapped or applied."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysqlreplication.binlogstream import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from benchmarks.rounds import SOURCE, Round, Values
from benchmarks.servers import Engine, Server, run
from benchmarks.workload import TABLE

NAME = "pymysqlreplication's rows, nothing applied"


@dataclass(frozen=True, slots=True)
class Rows:
    """A reader from the position before the backlog."""

    name: str = NAME
    source: Engine = "mysql"

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Ready]:
        yield _Ready(around, *_position(around.rig.source["mysql"]))


@dataclass(frozen=True, slots=True)
class _Ready:
    around: Round
    file: str
    position: int

    def run(self) -> Values:
        shape, running = self.around.shape, self.around.rig.source["mysql"].running
        login = {"host": "127.0.0.1", "port": running.port, "user": running.user, "password": running.password}
        reader = BinLogStreamReader(
            connection_settings=login,
            server_id=990_022,
            log_file=self.file,
            log_pos=self.position,
            resume_stream=True,
            blocking=False,
            is_mariadb=running.engine == "mariadb",
            only_schemas=[SOURCE],
            only_tables=[TABLE],
            only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
            pymysql_wrapper=_connect,
        )
        total = shape.warm_changes + shape.changes
        count, first = 0, (0.0, 0)
        with contextlib.closing(reader):
            for event in reader:
                for _ in event.rows:
                    count += 1
                if count >= shape.warm_changes and not first[1]:
                    first = (time.perf_counter(), count)
                if count >= total:
                    break
        seconds = time.perf_counter() - first[0]
        if count < total:
            raise RuntimeError(f"the binlog ended after {count} of {total} rows")
        return {"rate": (count - first[1]) / seconds, "seconds": seconds}


def _connect(*, db: str | None = None, **settings: Any) -> Any:
    """The library names the database by a word that PyMySQL is giving up."""
    return pymysql.connect(database=db, **settings)


def _position(server: Server) -> tuple[str, int]:
    with contextlib.closing(server.connect()) as connection:
        try:
            file, position, *_ = run(connection, "SHOW BINARY LOG STATUS")[0]
        except pymysql.err.ProgrammingError:  # MariaDB, and MySQL before 8.2
            file, position, *_ = run(connection, "SHOW MASTER STATUS")[0]
    return file, int(position)
