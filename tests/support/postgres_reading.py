"""Runs a `PostgresSource` in a thread of its own, as the pipeline does, and keeps what it emits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdc_agent.config.model import Database as Settings
from cdc_agent.model.changes import Rows, Table, TableName, Transaction
from cdc_agent.model.positions import Lsn
from cdc_agent.sources.postgres import setup
from cdc_agent.sources.postgres.source import PostgresSource
from tests.support import reading
from tests.support.reading import TARGET, changes_of
from tests.support.servers import Database

__all__ = ["TARGET", "Reading", "changes_of"]


class Reading(reading.Reading):
    """One slot of one database."""

    source: PostgresSource

    def __init__(self, database: Database, tables: Sequence[TableName], *, url: str | None = None) -> None:
        self.database = database
        self.tables = list(tables)
        self.settings = Settings(url=url or database.url())
        self.slot = database.name
        self.publication = "news"
        super().__init__(Lsn(0))

    def _new_source(self) -> PostgresSource:
        return PostgresSource(
            self.settings,
            name="near",
            target=TARGET,
            pipeline="near-to-far",
            slot=self.slot,
            publication=self.publication,
            report=self.report,
        )

    def wanted(self, table: TableName) -> bool:
        return table in self.tables

    def prepare(self) -> Lsn:
        """Create publication and slot."""
        return setup.prepare(self.settings, slot=self.slot, publication=self.publication, tables=self.tables).position

    def catch_up(self) -> list[Transaction]:
        """Everything that has been committed until now was emitted: all that was, idle positions left out."""
        return [transaction for transaction in self.until_now() if not transaction.idle]

    def tables_seen(self) -> list[Table]:
        """The table of each run of rows, in order."""
        return [
            piece.table for transaction in self.catch_up() for piece in transaction.pieces if isinstance(piece, Rows)
        ]

    def sql(self, text: str, parameters: object = None) -> list[tuple[Any, ...]]:
        return self.database.run(text, parameters)
