"""A database on MySQL or MariaDB whose row changes a test reads back from the binlog through the product's decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cdc_agent.model.changes import Change, Table
from cdc_agent.sources.mysql.rows import Charsets, TableMaps
from tests.support import binlog, engines
from tests.support.servers import Database


class LoggedDatabase:
    """Runs statements in one session and gives the changes that they left in the log."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.mariadb = database.engine == "mariadb"
        self.session = database.connect()
        self.run("SET time_zone = '+00:00', sql_mode = ''")
        self.charsets = Charsets.load(self._ask)
        self.maps = TableMaps(self.charsets, database.engine)

    def run(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        return engines.run(self.session, sql, parameters)

    def close(self) -> None:
        self.session.close()

    def messages(self, *statements: str) -> list[tuple[Table, bytes]]:
        """Run the statements: the table and the raw message of each rows event that they logged in this database."""
        start = binlog.end_of_log(self.session)
        for statement in statements:
            self.run(statement)
        return list(self._messages(start))

    def changes(self, *statements: str) -> list[Change]:
        """Run the statements: their changes in order."""
        return [change for table, message in self.messages(*statements) for change in table.decode([message])]

    def table(self, *statements: str) -> Table:
        """Run the statements: the table of the first change that they made."""
        return self.messages(*statements)[0][0]

    def column(self, changes: Sequence[Change], index: int = 1) -> list[object]:
        """One column of the new rows."""
        return [new[index] for _, _, new in changes if new is not None]

    def _messages(self, start: tuple[str, int]) -> Iterator[tuple[Table, bytes]]:
        connection = self.database.connect()
        try:
            for body, message in binlog.rows_messages(connection, start):
                found = self.maps.define(body)
                if found.schema == self.database.name:
                    yield found.table(), message
        finally:
            connection.close()

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.run(sql)
