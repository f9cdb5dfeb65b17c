"""`side.Side` for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.changes import Identity
from cdc_agent.model.tables import TargetColumn
from cdc_agent.model.values import Kind, Type
from cdc_agent.preflight import postgres_checks, postgres_rights, route_checks
from cdc_agent.preflight.context import OnDatabase, OnRoute, RouteCheck
from cdc_agent.preflight.findings import Finding, error
from cdc_agent.preflight.side import Needs


def identity(on: OnRoute) -> Iterator[Finding]:
    """PostgreSQL refuses updates of a published table that logs nothing of old rows."""
    if on.identity is Identity.NOTHING:
        schema, name = on.source_table.full_name
        hint = f"ALTER TABLE {on.source.server.quote(schema, name)} REPLICA IDENTITY FULL, or add a primary key"
        yield error("PF043", on.where, "updates and deletes on the source would fail: no replica identity", hint)


def triggers(on: OnRoute) -> Iterator[Finding]:
    """Ordinary triggers of the target act on replicated rows, unless they are suppressed."""
    if on.settings.triggers != "suppress":
        yield from route_checks.acting(on, "; `triggers: suppress` keeps ordinary triggers from firing")


class PostgresSide:
    """See `side.Side`."""

    checks: Final = postgres_checks.CHECKS
    source_checks: Final[tuple[RouteCheck, ...]] = (identity,)
    target_checks: Final[tuple[RouteCheck, ...]] = (triggers,)

    def resumption(self, on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
        """The check of the slot says it already."""
        return iter(())

    def account(self, database: Database, *, reads: bool) -> str:
        """See `side.Side`."""
        return postgres_rights.account(database, reads=reads)

    def rights(self, database: Database, needs: Needs) -> Iterator[str]:
        """See `side.Side`."""
        return postgres_rights.rights(database, needs)

    def own_store(self, user: str, version: int) -> list[str]:
        """See `side.Side`."""
        return postgres_rights.own_store(user, version)

    def declared(self, name: str, column: TargetColumn, type_: str, target: Admin, source_flavor: str) -> str:
        """See `side.Side`: an extension's type stands under the schema that it has there."""
        return _qualified(name, column.type, type_, target)

    def required(self, type_: str, target: Admin) -> str:
        """See `side.Side`."""
        return " NOT NULL"

    def table_options(self, flavor: str, source_flavor: str) -> str:
        """None."""
        return ""


_FROM_EXTENSIONS: Final = frozenset({Kind.HSTORE, Kind.GEOMETRY, Kind.OTHER})
_SCHEMA_OF: Final = """
SELECT 'pg_catalog' WHERE to_regtype(%s) IS NOT NULL
UNION ALL
SELECT n.nspname FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE t.typname = %s
"""
"""The session's search path is pg_catalog alone."""


def _qualified(name: str, type_: Type, declared: str, target: Admin) -> str:
    """An extension's type under the schema that it has on the target; sessions of the agent search no schema."""
    if (type_.element or type_).kind not in _FROM_EXTENSIONS:
        return declared
    base = declared.removesuffix("[]").split("(")[0].strip('"')
    schemas = target.rows(_SCHEMA_OF, (declared, base))
    if not schemas:
        raise TargetSchemaError(
            f"column {name}: the target database has no type {base}",
            hint=_HINTS.get(type_.kind, "create the type's extension there, or the table with another column type"),
        )
    schema = schemas[0][0]
    return declared if schema == "pg_catalog" else f"{target.quote(schema)}.{declared}"


_HINTS: Final = {
    Kind.HSTORE: "CREATE EXTENSION hstore, or create the table yourself with a jsonb column",
    Kind.GEOMETRY: "CREATE EXTENSION postgis, or create the table yourself with a bytea column, which will hold EWKB",
}
