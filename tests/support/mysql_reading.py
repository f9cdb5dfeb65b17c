"""Runs a `MysqlSource` in a thread of its own, as the pipeline does, and keeps what it emits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from cdc_agent.config.model import Database as Settings
from cdc_agent.model.changes import TableName, Transaction
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql.source import MysqlSource
from tests.support import reading
from tests.support.reading import TARGET, changes_of, keys
from tests.support.servers import Database

__all__ = ["TARGET", "Reading", "changes_of", "keys", "running", "session"]


class Reading(reading.Reading):
    """The log of one server, as far as it concerns one database."""

    source: MysqlSource

    def __init__(self, database: Database, *, pipeline: str | None = None, url: str | None = None) -> None:
        self.database = database
        self.settings = Settings(url=url or database.url())
        self.pipeline = pipeline or database.name
        super().__init__(BinlogPosition("none.000000", 0))

    def _new_source(self) -> MysqlSource:
        return MysqlSource(self.settings, name="near", target=TARGET, pipeline=self.pipeline, report=self.report)

    def wanted(self, table: TableName) -> bool:
        return table[0] == self.database.name and not table[1].startswith("unwanted")

    def now(self) -> BinlogPosition:
        return self.source.current_position()

    def catch_up(self) -> list[Transaction]:
        """Everything that has been committed until now was emitted: what of it changes this database."""
        return [transaction for transaction in self.until_now() if transaction.pieces]


@contextmanager
def running(reading: Reading, position: BinlogPosition):
    """The reading, started there and stopped at the end."""
    reading.start(position)
    try:
        yield reading
    finally:
        reading.stop()


def session(database: Database) -> Callable[..., list[tuple[Any, ...]]]:
    """A function that runs one statement in a session that lasts until the garbage collector ends it."""
    connection = database.connect()

    def run(sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall())

    run.connection = connection  # type: ignore[attr-defined]
    return run
