"""`engines.admin.Admin` for PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import psycopg

from cdc_agent.config.model import Database, Engine
from cdc_agent.engines.admin import Found
from cdc_agent.engines.postgres import catalogue
from cdc_agent.engines.postgres.connection import connect, translate
from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.tables import TargetTable

_TRIGGERS: Final = """
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND NOT t.tgisinternal AND t.tgenabled <> 'D'
"""


class PostgresAdmin:
    """An autocommit connection; see `engines.admin.Admin`."""

    engine = Engine.POSTGRES
    flavor = "postgresql"

    def __init__(self, database: Database, purpose: str) -> None:
        self._purpose = purpose
        self.connection = connect(database, purpose=purpose)

    @property
    def version(self) -> tuple[int, ...]:
        return divmod(self.connection.info.server_version, 10_000)

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Found:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement.encode(), parameters or None)
                return cursor.fetchall()
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def run(self, statement: str, parameters: Sequence[object] = ()) -> int:
        try:
            return self.connection.execute(statement.encode(), parameters or None).rowcount
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def quote(self, *names: str) -> str:
        return ".".join(quote(name) for name in names)

    def describe(self, schema: str, name: str) -> TargetTable | None:
        try:
            return catalogue.describe(self.connection, schema, name)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def tables(self) -> list[tuple[str, str]]:
        try:
            return catalogue.list_tables(self.connection)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def setting(self, name: str) -> str:
        return str(self.rows("SELECT current_setting(%s, true)", (name,))[0][0] or "")

    def clock(self) -> float:
        return float(self.rows("SELECT EXTRACT(EPOCH FROM clock_timestamp())")[0][0])

    def identity(self, table: TableName) -> Identity:
        try:
            found = catalogue.replica_identity(self.connection, *table)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error
        if found is None or (found.identity is Identity.KEY and not found.key):
            return Identity.NOTHING
        return found.identity

    def triggers(self, table: TableName) -> list[str]:
        return [str(row[0]) for row in self.rows(_TRIGGERS, table)]

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
