"""What PostgreSQL's catalogue says of its tables now: columns, keys, foreign keys, replica identity.

A connection in, descriptions out. Used by the target, by setup and by check; a source's rows are described by its log
and not by this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.types import TypeCatalogue
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable

_FIND: Final = """
SELECT c.oid
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""

_TABLES: Final = """
SELECT n.nspname, c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND NOT c.relispartition
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cdc_agent')
  AND n.nspname NOT LIKE 'pg\\_toast%%'
ORDER BY n.nspname, c.relname
"""

_COLUMNS: Final = """
SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef, a.attgenerated <> '', a.attidentity <> ''
FROM pg_attribute AS a
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

_UNIQUE: Final = """
SELECT i.indisprimary, i.indimmediate,
       array(SELECT a.attname
             FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             ORDER BY k.place)::text[]
FROM pg_index AS i
WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indexrelid
"""

_FOREIGN: Final = """
SELECT o.conname, n.nspname, c.relname, o.confdeltype, o.confupdtype,
       array(SELECT a.attname FROM unnest(o.conkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = k.attnum ORDER BY k.place)::text[],
       array(SELECT a.attname FROM unnest(o.confkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = o.confrelid AND a.attnum = k.attnum ORDER BY k.place)::text[]
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.confrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE o.conrelid = %s AND o.contype = 'f' AND NOT c.relispartition
ORDER BY o.conname, o.oid
"""

_IDENTITY: Final = """
SELECT c.relreplident,
       array(SELECT a.attname
             FROM pg_index AS i
             CROSS JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE i.indrelid = c.oid AND i.indisvalid
               AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
             ORDER BY k.place)::text[]
FROM pg_class AS c
WHERE c.oid = %s
"""

_ACTIONS: Final = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_IDENTITIES: Final = {"d": Identity.KEY, "i": Identity.KEY, "f": Identity.FULL, "n": Identity.NOTHING}


@dataclass(frozen=True, slots=True)
class ReplicaIdentity:
    """What a table's log will hold of old rows."""

    identity: Identity
    key: tuple[str, ...]
    """The columns of the index that identifies rows; () for FULL, for NOTHING and where there is no such index."""


@dataclass(frozen=True, slots=True)
class UniqueKey:
    columns: tuple[str, ...]
    primary: bool
    immediate: bool
    """False for a DEFERRABLE constraint, which ON CONFLICT cannot use."""


def find(connection: psycopg.Connection[Any], schema: str, name: str) -> int | None:
    """The oid of an ordinary or partitioned table, None when there is none."""
    row = connection.execute(_FIND, (schema, name)).fetchone()
    return None if row is None else int(row[0])


def list_tables(connection: psycopg.Connection[Any]) -> list[TableName]:
    """All tables but the system's, the agent's own and the partitions of others, by name."""
    return [(schema, name) for schema, name in connection.execute(_TABLES).fetchall()]


def describe(
    connection: psycopg.Connection[Any], schema: str, name: str, types: TypeCatalogue | None = None
) -> TargetTable | None:
    """The table as it is now, or None. `types` saves look-ups when several tables are described."""
    oid = find(connection, schema, name)
    if oid is None:
        return None
    keys = unique_keys(connection, oid)
    return TargetTable(
        schema=schema,
        name=name,
        columns=_columns(connection, oid, types or TypeCatalogue(connection)),
        primary_key=next((key.columns for key in keys if key.primary), ()),
        unique_keys=tuple(key.columns for key in keys if not key.primary),
        foreign_keys=_foreign_keys(connection, oid),
    )


def unique_keys(connection: psycopg.Connection[Any], oid: int) -> list[UniqueKey]:
    """Valid unique indexes over plain columns and all rows, the primary key first."""
    rows = connection.execute(_UNIQUE, (oid,)).fetchall()
    return [UniqueKey(tuple(columns), primary, immediate) for primary, immediate, columns in rows]


def replica_identity(connection: psycopg.Connection[Any], schema: str, name: str) -> ReplicaIdentity | None:
    """What the table's updates and deletes will log, or None when there is no such table."""
    oid = find(connection, schema, name)
    row = connection.execute(_IDENTITY, (oid,)).fetchone()
    if row is None:
        return None
    return ReplicaIdentity(_IDENTITIES[row[0]], tuple(row[1]))


def _columns(connection: psycopg.Connection[Any], oid: int, types: TypeCatalogue) -> tuple[TargetColumn, ...]:
    rows = connection.execute(_COLUMNS, (oid,)).fetchall()
    return tuple(
        TargetColumn(
            name=name,
            type=types.resolve(type_oid, modifier),
            nullable=not required,
            has_default=has_default or identity,
            generated=generated,
            identity=identity,
        )
        for name, type_oid, modifier, required, has_default, generated, identity in rows
    )


def _foreign_keys(connection: psycopg.Connection[Any], oid: int) -> tuple[ForeignKey, ...]:
    rows = connection.execute(_FOREIGN, (oid,)).fetchall()
    return tuple(
        ForeignKey(
            name=name,
            columns=tuple(columns),
            references=(schema, table),
            referenced_columns=tuple(referenced),
            on_delete=_ACTIONS[on_delete],
            on_update=_ACTIONS[on_update],
        )
        for name, schema, table, on_delete, on_update, columns, referenced in rows
    )
