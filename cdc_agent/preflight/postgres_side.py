"""`side.Side` for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres import durability
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.preflight import key_checks, postgres_checks, postgres_rights, route_checks
from cdc_agent.preflight.context import OnDatabase, OnRoute, RouteCheck
from cdc_agent.preflight.findings import Finding, error, info
from cdc_agent.preflight.side import READ, WRITE, Needs


def identity(on: OnRoute) -> Iterator[Finding]:
    """PostgreSQL refuses updates of a published table that logs nothing of old rows; of partitions each has its own."""
    silent = on.old_rows.silent
    if on.identity is Identity.NOTHING or silent:
        one = silent[0] if silent else on.source_table.full_name
        of = f" in {len(silent)} of its partitions" if silent else ""
        also = " for each of them, whose identity counts and not the table's" if silent else ""
        hint = f"ALTER TABLE {on.source.server.quote(*one)} REPLICA IDENTITY FULL, or a primary key{also}"
        yield error("PF043", on.where, f"updates and deletes on the source would fail{of}: no replica identity", hint)


_RIGHTS: Final = """
SELECT n.nspname, c.relname, array_remove(ARRAY[
  CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE' END,
  CASE WHEN NOT has_any_column_privilege(c.oid, 'SELECT') THEN 'SELECT' END,
  CASE WHEN NOT has_any_column_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
  CASE WHEN NOT has_any_column_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
  CASE WHEN NOT has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END,
  CASE WHEN NOT has_table_privilege(c.oid, 'TRUNCATE') THEN 'TRUNCATE' END], NULL)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
"""


def _lacking(on: OnDatabase, table: TableName, needed: Sequence[str]) -> list[str]:
    """Of these rights on a table, those that the role has not."""

    def ask() -> dict[TableName, list[str]]:
        return {(schema, name): missing for schema, name, missing in on.server.rows(_RIGHTS)}

    missing = on.pictures.once("rights", ask).get(table, [])
    return [right for right in ("USAGE", *needed) if right in missing]


def _granted(on: OnDatabase, where: str, table: TableName, needed: Sequence[str]) -> Iterator[Finding]:
    missing = _lacking(on, table, needed)
    if missing:
        quote, role = on.server.quote, on.server.quote(on.settings.user)
        grants = [f"GRANT USAGE ON SCHEMA {quote(table[0])} TO {role}"] if missing[0] == "USAGE" else []
        rights = [right for right in missing if right != "USAGE"]
        grants += [f"GRANT {', '.join(rights)} ON {quote(*table)} TO {role}"] if rights else []
        message = f"role {on.settings.user} lacks {', '.join(missing)} on {'.'.join(table)}"
        yield error("PF006", where, message, "; ".join(grants))


def reading(on: OnRoute) -> Iterator[Finding]:
    """The role may read the source table: a row that the log has in part is read again."""
    yield from _granted(on.source, on.where, on.source_table.full_name, READ)


def writing(on: OnRoute) -> Iterator[Finding]:
    """The role may write to the target table."""
    needed = (*WRITE, "TRUNCATE") if on.route.truncate else WRITE
    yield from _granted(on.target, on.where, on.target_table.full_name, needed)


_LOOSE: Final = """
SELECT a.attname::text, coalesce(c.collname::text, t.typname::text)
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_collation AS c ON c.oid = a.attcollation AND NOT c.collisdeterministic
WHERE a.attrelid = (SELECT r.oid FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace
                    WHERE n.nspname = %s AND r.relname = %s)
  AND a.attnum > 0 AND NOT a.attisdropped AND (t.typname = 'citext' OR c.oid IS NOT NULL)
"""
"""Columns in which texts may be equal that are not the same, and by what."""


def loose_keys(on: OnRoute) -> Iterator[Finding]:
    """citext, and collations that are not deterministic, hold texts equal that the source may tell apart."""
    for name, by in on.target.server.rows(_LOOSE, on.target_name):
        if name in (on.route.key or on.target_table.primary_key):
            yield route_checks.held_equal(on, name, by, "a type and a collation of its own")


_PARTITIONED: Final = """
SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'p'
"""


def partitions(on: OnRoute) -> Iterator[Finding]:
    """A partition's TRUNCATE is not sent while changes come under the root's name."""
    if on.source.server.rows(_PARTITIONED, on.source_table.full_name):
        message = "TRUNCATE of one of its partitions is not in PostgreSQL's log: the target would keep the rows"
        yield info("PF055", on.where, message, "DELETE is; a partition that is dropped or detached is noticed")


def triggers(on: OnRoute) -> Iterator[Finding]:
    """Ordinary triggers of the target act on replicated rows, unless they are suppressed."""
    if on.settings.triggers != "suppress":
        yield from route_checks.acting(on, "; `triggers: suppress` keeps ordinary triggers from firing")


def keys(on: OnRoute) -> Iterator[Finding]:
    """Foreign keys act as triggers, so where the role may not suppress these they act too."""
    setting = on.settings.triggers
    suppressed = setting == "suppress" or (setting == "auto" and postgres_checks.may_suppress(on.target))
    yield from key_checks.of_target(on, acting=not suppressed)


class PostgresSide:
    """See `side.Side`."""

    checks: Final = postgres_checks.CHECKS
    source_checks: Final[tuple[RouteCheck, ...]] = (identity, partitions, reading)
    target_checks: Final[tuple[RouteCheck, ...]] = (loose_keys, writing, triggers, keys)

    def resumption(self, on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
        """See `side.Side`."""
        return postgres_checks.continued(on, pipeline, checkpoint)

    def unsure(self, on: OnDatabase) -> str | None:
        """See `side.Side`."""
        return durability.unsure(on.server.rows(durability.QUESTION))

    def account(self, database: Database, *, reads: bool) -> str:
        """See `side.Side`."""
        return postgres_rights.account(database, reads=reads)

    def rights(self, database: Database, needs: Needs) -> Iterator[str]:
        """See `side.Side`."""
        return postgres_rights.rights(database, needs)

    def own_store(self, user: str, version: int) -> list[str]:
        """See `side.Side`."""
        return postgres_rights.own_store(user, version)
