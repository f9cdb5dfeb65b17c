"""What tests of sources share: a source of any kind, the database behind it, and transactions to read."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

from cdc_agent.model.changes import TableName
from cdc_agent.model.positions import BinlogPosition, Lsn, Position
from cdc_agent.model.steps import Upserts
from cdc_agent.model.values import Row
from tests.support import engines, mysql_reading, postgres_reading, targets
from tests.support.memory.rig import MemoryServer
from tests.support.memory.source import MemorySource
from tests.support.memory.sql_log import SCHEMA, SqlLog
from tests.support.proxy import Proxy
from tests.support.reading import TARGET, Reading
from tests.support.servers import Server
from tests.support.sync import transactional


class SourceRig(Protocol):
    """A source on a fresh database, and somebody who writes there."""

    reading: Reading
    schema: str
    """Where the tables are."""
    beginning: Position
    """From here on the log was made for the test."""
    logs_cascades: bool
    """Whether what foreign keys do is in the log."""

    def commit(self, *statements: str) -> None:
        """One transaction of an application."""

    def roll_back(self, *statements: str) -> None:
        """One that is taken back."""

    def commit_as_agent(self, path: tuple[str, ...], table: str, *rows: Row) -> None:
        """One that an agent wrote, of rows that came along `path`."""

    def cut(self) -> None:
        """Every connection of the source breaks."""

    def never_reached(self) -> list[Position]:
        """Positions that this log has never had."""

    def close(self) -> None:
        """Nothing is left behind."""


class RealRig:
    """On a server, behind a proxy."""

    reading: Reading
    beginning: Position
    logs_cascades = True

    def __init__(self, server: Server, *ddl: str) -> None:
        self.database = server.create_database("source")
        for statement in ddl:
            self.database.run(statement)
        self.proxy = Proxy(server.port)
        self._agent: targets.Rig | None = None

    @property
    def url(self) -> str:
        """The database as the source reaches it."""
        url = self.database.url()
        return url.replace(f":{self.database.server.port}/", f":{self.proxy.port}/")

    @property
    def schema(self) -> str:
        return "public" if self.database.server.is_postgres else self.database.name

    def commit(self, *statements: str) -> None:
        self._transact(statements, "COMMIT")

    def roll_back(self, *statements: str) -> None:
        self._transact(statements, "ROLLBACK")

    def _transact(self, statements: tuple[str, ...], end: str) -> None:
        with closing(transactional(self.database)) as connection:
            for statement in (*statements, end):
                engines.run(connection, statement)

    def commit_as_agent(self, path: tuple[str, ...], table: str, *rows: Row) -> None:
        if self._agent is None:
            targets.set_up(self.database)
            target = targets.make_target(targets.Settings(url=self.database.url()))
            target.connect()
            self._agent = targets.Rig(self.database, target, target.take_over(targets.PIPELINE, "db-1:100"))
        agent = self._agent
        agent.checkpoint = replace(agent.checkpoint, path=path)
        agent.apply(Upserts(agent.bind(table), list(rows)))

    def cut(self) -> None:
        self.proxy.cut()

    def close(self) -> None:
        self.reading.stop()
        self.proxy.close()
        if self._agent is not None:
            self._agent.target.close()
        self.database.drop()


class PostgresRig(RealRig):
    reading: postgres_reading.Reading

    def __init__(self, server: Server, *ddl: str) -> None:
        super().__init__(server, *ddl)
        names = self.database.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        self.reading = postgres_reading.Reading(self.database, [("public", name) for (name,) in names], url=self.url)
        self.beginning = self.reading.prepare()

    def never_reached(self) -> list[Position]:
        return [Lsn(2**60)]


class MysqlRig(RealRig):
    reading: mysql_reading.Reading

    def __init__(self, server: Server, *ddl: str) -> None:
        super().__init__(server, *ddl)
        self.reading = mysql_reading.Reading(self.database, url=self.url)
        self.beginning = self.reading.now()
        self.logs_cascades = server.engine == "mysql" and server.spec.order >= (9, 6)

    def never_reached(self) -> list[Position]:
        """One behind the end of the last file, one in a file to come, one of transactions of another server."""
        now = self.reading.now()
        foreign = f"{uuid4()}:1-3" if self.database.engine == "mysql" else "4242-4242-4242"
        return [
            BinlogPosition(now.file, now.offset + 10**9),
            BinlogPosition(f"{now.file.rpartition('.')[0]}.999999", 4),
            now._replace(gtid=f"{now.gtid},{foreign}"),
        ]


class MemoryReading(Reading):
    """The log in memory."""

    def __init__(self, database: SqlLog) -> None:
        self.database = database
        super().__init__(database.log.position(0))

    def _new_source(self) -> MemorySource:
        return MemorySource(self.database.log, target=TARGET, report=self.report, patience=self.database.wait)

    def wanted(self, table: TableName) -> bool:
        return True


class MemoryRig:
    logs_cascades = True
    schema = SCHEMA

    def __init__(self, *ddl: str) -> None:
        self.database = SqlLog()
        self.database.commit(*ddl)
        self.reading = MemoryReading(self.database)
        self.beginning = self.database.log.position(self.database.log.end)

    def commit(self, *statements: str) -> None:
        self.database.commit(*statements)

    def roll_back(self, *statements: str) -> None:
        """What is taken back never comes to the log."""

    def commit_as_agent(self, path: tuple[str, ...], table: str, *rows: Row) -> None:
        texts = [f"INSERT INTO {table} VALUES ({', '.join(map(_literal, row))})" for row in rows]
        self.database.commit(*texts, path=path)

    def cut(self) -> None:
        self.reading.source.connected = False  # type: ignore[attr-defined]

    def never_reached(self) -> list[Position]:
        return [self.database.log.position(self.database.log.end + 1000)]

    def close(self) -> None:
        self.reading.stop()


def _literal(value: object) -> str:
    return "NULL" if value is None else f"'{value.decode()}'"  # type: ignore[attr-defined]


def open_source(server: Server | MemoryServer, *ddl: str) -> SourceRig:
    """A fresh database with these tables; nothing reads yet."""
    if isinstance(server, MemoryServer):
        return MemoryRig(*ddl)
    return PostgresRig(server, *ddl) if server.is_postgres else MysqlRig(server, *ddl)
