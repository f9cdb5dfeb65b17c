"""The publication that says which tables' changes a slot's reader is sent.

Table names in; the publication afterwards holds exactly these, whole partition trees under their root's name, and the
database's own checkpoint table, in which echoes are recognised. Where the role may not create or alter it, the error
holds the SQL for the person who may. Never touches a publication that covers the tables already.

https://www.postgresql.org/docs/current/sql-createpublication.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.identifiers import literal, qualified, quote
from cdc_agent.errors import PrivilegeMissing
from cdc_agent.model.changes import EventKind, TableName
from cdc_agent.model.echo import CHECKPOINT
from cdc_agent.sources.postgres.faults import translate

OPTIONS: Final = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true"

_PUBLICATION: Final = """
SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
       pg_has_role(pubowner, 'USAGE'),
       ARRAY(SELECT ARRAY[t.schemaname, t.tablename]::text[] FROM pg_publication_tables t WHERE t.pubname = p.pubname),
       ARRAY(SELECT ARRAY[n.nspname, c.relname, f.what]::text[]
               FROM pg_publication_rel r
               JOIN pg_class c ON c.oid = r.prrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
              CROSS JOIN (VALUES ('prqual', 'rows'), ('prattrs', 'columns')) AS f (name, what)
              WHERE r.prpubid = p.oid AND to_jsonb(r) ->> f.name IS NOT NULL)
  FROM pg_publication p WHERE pubname = %s
"""
"""Through jsonb, what only PostgreSQL 15 and newer have: row filters and column lists."""

_KINDS: Final = ("inserts", "updates", "deletes", "truncates", "partitions under their root's name")

IDENTIFIED: Final = """
(c.relreplident = 'f' OR EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid
       AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END))
"""
"""Whether updates of the table `c` work once it is published."""

_UNIDENTIFIED: Final = f"""
WITH RECURSIVE tree AS (
    SELECT c.oid AS root, c.oid AS member
      FROM unnest(%s::text[], %s::text[]) AS wanted (schema, name)
      JOIN pg_namespace n ON n.nspname = wanted.schema
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
    UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.member
      JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition)
SELECT DISTINCT n.nspname, r.relname
  FROM tree JOIN pg_class r ON r.oid = tree.root JOIN pg_namespace n ON n.oid = r.relnamespace
  JOIN pg_class c ON c.oid = tree.member
 WHERE c.relkind = 'r' AND NOT {IDENTIFIED}
 ORDER BY 1, 2
"""
"""Each partition counts, by itself."""

_EXISTS: Final = """
SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s
"""


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication as the catalogue has it now."""

    name: str
    lacks: tuple[str, ...]
    """Kinds of change that are not published, and partitions under their root's name."""
    narrowed: frozenset[tuple[TableName, str]]
    """Tables of which only some rows or columns are published, and which of the two."""
    owned: bool
    tables: frozenset[TableName]
    """Every table that it covers, those of FOR ALL TABLES and of schemas included."""

    def covers(self, tables: Iterable[TableName]) -> bool:
        return not self.shortfall(tables)

    def shortfall(self, tables: Iterable[TableName]) -> list[str]:
        """What of these tables' changes it leaves out, in words; nothing when it covers them."""
        wanted = frozenset(tables)
        narrowed = sorted((table, what) for table, what in self.narrowed if table in wanted)
        return [
            *(f"it does not publish {kind}" for kind in self.lacks),
            *(f"it publishes only some {what} of {'.'.join(table)}" for table, what in narrowed),
            *(f"it lacks {'.'.join(table)}" for table in sorted(wanted - self.tables)),
        ]


def read(connection: psycopg.Connection[Any], name: str) -> Publication | None:
    """The publication, None when there is none. Raises as `faults.translate`."""
    try:
        row = connection.execute(_PUBLICATION, (name,)).fetchone()
    except psycopg.Error as error:
        raise translate(error, f"looking at publication {name}") from error
    if row is None:
        return None
    *published, owned, tables, narrowed = row
    return Publication(
        name=name,
        lacks=tuple(kind for kind, there in zip(_KINDS, published, strict=True) if not there),
        narrowed=frozenset(((schema, table), what) for schema, table, what in narrowed),
        owned=owned,
        tables=frozenset((schema, table) for schema, table in tables),
    )


def unidentified(connection: psycopg.Connection[Any], tables: Sequence[TableName]) -> list[TableName]:
    """Those whose updates and deletes would fail once they are published. Raises as `faults.translate`."""
    schemas, names = [schema for schema, _ in tables], [name for _, name in tables]
    try:
        found = connection.execute(_UNIDENTIFIED.encode(), (schemas, names)).fetchall()
    except psycopg.Error as error:
        raise translate(error, "looking for tables without an identity") from error
    return [(schema, name) for schema, name in found]


def ensure(connection: psycopg.Connection[Any], name: str, tables: Sequence[TableName], slot: str = "") -> bool:
    """Make the publication cover `tables`; True when it had to be created.

    `slot` is one that reads it already: its log is told of tables that are added, so that rows which they have are
    brought along. Raises PrivilegeMissing, with the statements to run, where the role may not; LogUnusable for a table
    that cannot be published.
    """
    needed = _with_checkpoint(connection, tables)
    found = read(connection, name)
    if found is not None and (found.tables == needed or not found.owned) and found.covers(needed):
        return False
    statements = sql(name, sorted(needed), create=found is None)
    if found is not None and slot:
        for table in sorted(needed - found.tables - {CHECKPOINT}):
            statements = [_locked(table), *statements, _told(slot, table, EventKind.CREATED)]
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        if found is not None and found.covers(needed):
            return False  # it holds more than is needed, and whoever made it may have meant it so
        listed = ["BEGIN", *statements, "COMMIT"] if found is not None and slot else statements
        raise PrivilegeMissing(
            f"this role may not {'create' if found is None else 'alter'} publication {name}",
            details=[f"{statement};" for statement in listed],
            hint="have the statements above run by a role that owns the tables, or by a superuser",
        ) from error
    except psycopg.Error as error:
        raise translate(error, f"publishing the tables of publication {name}") from error
    return found is None


def _with_checkpoint(connection: psycopg.Connection[Any], tables: Iterable[TableName]) -> frozenset[TableName]:
    needed = frozenset(tables)
    return needed | {CHECKPOINT} if connection.execute(_EXISTS, CHECKPOINT).fetchone() else needed


def sql(name: str, tables: Sequence[TableName], *, create: bool) -> list[str]:
    """The statements that make the publication what it must be, for the agent or for a person.

    ONLY: the children of plain inheritance are tables of their own. It does not keep partitions out.
    """
    listed = ", ".join(f"ONLY {qualified(*table)}" for table in tables)
    if create:
        return [f"CREATE PUBLICATION {quote(name)} FOR TABLE {listed} WITH ({OPTIONS})"]
    return [
        f"ALTER PUBLICATION {quote(name)} SET TABLE {listed}",
        f"ALTER PUBLICATION {quote(name)} SET ({OPTIONS})",
    ]


PUBLISHED: Final = "cdc_agent.published"
"""The prefix of the logical message that says in a slot's log from where on a table is in it."""


def addition(name: str, slot: str, table: TableName, kind: EventKind) -> list[str]:
    """What adds a table so that none of its rows is lost: those from before the message are read when it is met.

    The lock waits for whoever has written to the table already, and would commit later without having been published.
    """
    return [
        "BEGIN",
        _locked(table),
        f"ALTER PUBLICATION {quote(name)} ADD TABLE ONLY {qualified(*table)}",
        _told(slot, table, kind),
        "COMMIT",
    ]


def _locked(table: TableName) -> str:
    return f"LOCK TABLE {qualified(*table)} IN SHARE ROW EXCLUSIVE MODE"


def _told(slot: str, table: TableName, kind: EventKind) -> str:
    told = json.dumps({"slot": slot, "table": table, "kind": kind}, ensure_ascii=False)
    return f"SELECT pg_logical_emit_message(true, '{PUBLISHED}', {literal(told)})"


def read_addition(content: bytes, slot: str) -> tuple[TableName, EventKind] | None:
    """What a message of `addition` says; None where it is about another slot, or nothing that an agent wrote."""
    try:
        told = json.loads(content)
        schema, table = told["table"]
        kind = EventKind(told["kind"])
        return ((str(schema), str(table)), kind) if told["slot"] == slot else None
    except (ValueError, KeyError, TypeError):
        return None


def drop(connection: psycopg.Connection[Any], name: str) -> bool:
    """Drop the publication; False when there is none. Raises PrivilegeMissing with the statement to run."""
    if read(connection, name) is None:
        return False
    statement = f"DROP PUBLICATION IF EXISTS {quote(name)}"
    try:
        connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise PrivilegeMissing(
            f"this role may not drop publication {name}",
            details=[f"{statement};"],
            hint="have the statement above run by the publication's owner or a superuser",
        ) from error
    except psycopg.Error as error:
        raise translate(error, f"dropping publication {name}") from error
    return True
