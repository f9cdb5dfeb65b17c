"""`engines.admin.Admin` for PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import psycopg

from cdc_agent.config.model import Database, Engine
from cdc_agent.engines.admin import Found, OldRows
from cdc_agent.engines.postgres import catalogue
from cdc_agent.engines.postgres.connection import connect, translate
from cdc_agent.engines.postgres.ddl import SCHEMA_OF, PostgresDdl
from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.model.changes import TableName
from cdc_agent.model.shapes import Shape
from cdc_agent.model.tables import ForeignKey, TargetTable

_TRIGGERS: Final = """
SELECT n.nspname, c.relname, t.tgname
FROM unnest(%s::text[], %s::text[]) AS wanted (schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
JOIN pg_trigger t ON t.tgrelid = c.oid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
ORDER BY n.nspname, c.relname, t.tgname
"""


class PostgresAdmin:
    """An autocommit connection; see `engines.admin.Admin`."""

    engine = Engine.POSTGRES
    flavor = "postgresql"

    def __init__(self, database: Database, purpose: str) -> None:
        self._purpose = purpose
        self._acting: list[tuple[TableName, ForeignKey]] | None = None
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

    def describe_all(self, names: Sequence[TableName]) -> dict[TableName, TargetTable]:
        try:
            return catalogue.describe_all(self.connection, names)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def shapes(self, names: Sequence[TableName]) -> dict[TableName, Shape]:
        try:
            return catalogue.shapes(self.connection, names)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def acting_keys(self) -> list[tuple[TableName, ForeignKey]]:
        if self._acting is None:
            try:
                self._acting = catalogue.acting_keys(self.connection)
            except psycopg.Error as error:
                raise translate(error, self._purpose) from error
        return self._acting

    def dialect(self, source_flavor: str) -> PostgresDdl:
        """See `Admin`; types are looked up on this server."""
        return PostgresDdl(source_flavor, self._schema_of)

    def _schema_of(self, declared: str, base: str) -> str | None:
        found = self.rows(SCHEMA_OF, (declared, base))
        return str(found[0][0]) if found else None

    def tables(self) -> list[tuple[str, str]]:
        try:
            return catalogue.list_tables(self.connection)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def left_out(self) -> list[tuple[TableName, str]]:
        try:
            return catalogue.left_out(self.connection)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error

    def setting(self, name: str) -> str:
        return str(self.rows("SELECT current_setting(%s, true)", (name,))[0][0] or "")

    def clock(self) -> float:
        return float(self.rows("SELECT EXTRACT(EPOCH FROM clock_timestamp())")[0][0])

    def identities(self, names: Sequence[TableName]) -> dict[TableName, OldRows]:
        """See `Admin`; an index or a primary key that is not there identifies nothing."""
        try:
            found = catalogue.replica_identities(self.connection, names)
        except psycopg.Error as error:
            raise translate(error, self._purpose) from error
        return {
            name: OldRows(
                identity=one.effective,
                key=one.key,
                partitioned=bool(one.partitions),
                silent=tuple(part.name for part in one.partitions if not (part.key or part.whole)),
            )
            for name, one in found.items()
        }

    def triggers(self, names: Sequence[TableName]) -> dict[TableName, list[str]]:
        found: dict[TableName, list[str]] = {}
        for schema, table, trigger in self.rows(_TRIGGERS, ([s for s, _ in names], [n for _, n in names])):
            found.setdefault((schema, table), []).append(str(trigger))
        return found

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
