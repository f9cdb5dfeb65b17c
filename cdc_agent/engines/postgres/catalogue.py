"""What PostgreSQL's catalogue says of its tables now: columns, keys, foreign keys, replica identity.

A connection in, descriptions out. Used by the target, by setup, by check, and by `tables`, which reads rows without a
log; the rows of a log are described by it and not by this. Many tables are described with as many questions as one (but
for one for each type not met before).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.types import TypeCatalogue
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.shapes import Default, Index, Shape
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable

_FIND: Final = """
SELECT n.nspname, c.relname, c.oid
FROM unnest(%s::text[], %s::text[]) AS wanted (schema, name)
JOIN pg_namespace AS n ON n.nspname = wanted.schema
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.name
WHERE c.relkind IN ('r', 'p')
"""

_TABLES: Final = """
SELECT n.nspname, c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND NOT c.relispartition
  AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cdc_agent')
  AND n.nspname NOT LIKE 'pg\\_toast%%'
ORDER BY n.nspname, c.relname
"""

_LEFT_OUT: Final = """
SELECT n.nspname, c.relname,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                      ELSE CASE c.relpersistence WHEN 't' THEN 'temporary table' ELSE 'unlogged table' END END
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE (c.relkind IN ('v', 'm', 'f') OR c.relkind IN ('r', 'p') AND c.relpersistence <> 'p')
  AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cdc_agent')
  AND n.nspname NOT LIKE 'pg\\_toast%%'
ORDER BY 3, n.nspname, c.relname
"""

_COLUMNS: Final = """
SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef, a.attgenerated <> '',
       a.attidentity <> '', a.attnum
FROM pg_attribute AS a
WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

_UNIQUE: Final = """
SELECT i.indrelid, i.indisprimary, i.indimmediate,
       array(SELECT a.attname
             FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             ORDER BY k.place)::text[]
FROM pg_index AS i
WHERE i.indrelid = ANY (%s::oid[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC, i.indexrelid
"""

_FOREIGN: Final = """
SELECT o.conrelid, o.conname, n.nspname, c.relname, o.confdeltype, o.confupdtype,
       array(SELECT a.attname FROM unnest(o.conkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = k.attnum ORDER BY k.place)::text[],
       array(SELECT a.attname FROM unnest(o.confkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = o.confrelid AND a.attnum = k.attnum ORDER BY k.place)::text[]
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.confrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE o.conrelid = ANY (%s::oid[]) AND o.contype = 'f' AND NOT c.relispartition
ORDER BY o.conname, o.oid
"""

_DEFAULTS: Final = """
SELECT d.adrelid, a.attname, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid = ANY (%s::oid[]) AND a.attgenerated = '' AND NOT a.attisdropped
ORDER BY d.adrelid, a.attnum
"""

_INDEXES: Final = """
SELECT i.indrelid, c.relname, i.indisunique, i.indisreplident AND t.relreplident = 'i',
       CASE WHEN i.indexprs IS NOT NULL THEN 'over an expression'
            WHEN i.indpred IS NOT NULL THEN 'over some rows'
            WHEN i.indisexclusion THEN 'which excludes'
            WHEN m.amname <> 'btree' THEN 'by ' || m.amname
            WHEN i.indnatts <> i.indnkeyatts THEN 'with further columns'
            WHEN NOT i.indimmediate THEN 'deferrable'
            WHEN (to_jsonb(i) ->> 'indnullsnotdistinct')::bool THEN 'in which NULL equals NULL'
            ELSE '' END,
       array(SELECT a.attname
             FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             ORDER BY k.place)::text[]
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = ANY (%s::oid[]) AND NOT i.indisprimary AND i.indisvalid
ORDER BY i.indrelid, i.indexrelid
"""
"""Through jsonb, what only PostgreSQL 15 and newer have."""

_OTHERS: Final = """
SELECT conrelid, 'check ' || conname FROM pg_constraint WHERE conrelid = ANY (%(oids)s::oid[]) AND contype = 'c'
UNION ALL
SELECT tgrelid, 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = ANY (%(oids)s::oid[]) AND NOT tgisinternal
ORDER BY 1, 2
"""

_PERSISTENCE: Final = "SELECT oid FROM pg_class WHERE oid = ANY (%s::oid[]) AND relpersistence = 'u'"

_ACTING: Final = """
SELECT DISTINCT o.conrelid FROM pg_constraint AS o
WHERE o.contype = 'f' AND (o.confdeltype IN ('c', 'n', 'd') OR o.confupdtype IN ('c', 'n', 'd'))
"""
_NAMES: Final = """
SELECT c.oid, n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::oid[]) AND NOT c.relispartition
"""

_IDENTITY_KEY: Final = """
       array(SELECT a.attname
             FROM pg_index AS i
             CROSS JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE i.indrelid = c.oid AND i.indisvalid
               AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
             ORDER BY k.place)::text[]
"""
_IDENTITY: Final = f"""
SELECT c.oid, c.relreplident, {_IDENTITY_KEY}
FROM pg_class AS c
WHERE c.oid = ANY (%s::oid[])
"""

_PARTITIONS: Final = f"""
WITH RECURSIVE tree AS (
    SELECT inhparent AS root, inhrelid FROM pg_inherits WHERE inhparent = ANY (%s::oid[])
    UNION ALL
    SELECT tree.root, i.inhrelid FROM pg_inherits AS i JOIN tree ON i.inhparent = tree.inhrelid)
SELECT DISTINCT tree.root, n.nspname, c.relname, c.relreplident = 'f', {_IDENTITY_KEY}
FROM tree
JOIN pg_class AS c ON c.oid = tree.inhrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relispartition AND c.relkind = 'r'
ORDER BY n.nspname, c.relname
"""
"""Not pg_partition_tree, which would wait for the lock of an ALTER TABLE."""

_ACTIONS: Final = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_IDENTITIES: Final = {"d": Identity.KEY, "i": Identity.KEY, "f": Identity.FULL, "n": Identity.NOTHING}


@dataclass(frozen=True, slots=True)
class ReplicaIdentity:
    """What a table's log will hold of old rows."""

    identity: Identity
    key: tuple[str, ...]
    """The columns of the index that identifies rows; () for FULL, for NOTHING and where there is no such index."""
    partitions: tuple[Partition, ...] = ()

    @property
    def effective(self) -> Identity:
        """NOTHING where the key that should identify rows is not there."""
        return Identity.NOTHING if self.identity is Identity.KEY and not self.key else self.identity

    def of_partitions(self, primary: tuple[str, ...]) -> ReplicaIdentity:
        """What is logged of a partitioned table. Its rows are logged by their partitions, each by its own identity.

        The key is that of the table, else its primary key, if all partitions log it, else the columns that all of them
        log. A partition that logs nothing takes no update and no delete.
        """
        if not self.partitions:
            return self
        lesser = [frozenset(one.key) for one in self.partitions if one.key and not one.whole]
        whole = not lesser and any(one.whole for one in self.partitions)
        if whole:
            return self if self.key else replace(self, identity=Identity.FULL)
        logged = frozenset.intersection(*lesser) if lesser else frozenset()
        for key in (self.key, primary):
            if key and logged.issuperset(key):
                return replace(self, identity=Identity.KEY, key=key)
        return replace(self, identity=Identity.KEY if logged else Identity.NOTHING, key=tuple(sorted(logged)))


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition and what it logs of old rows."""

    name: TableName
    whole: bool
    """All columns."""
    key: tuple[str, ...]
    """Else these; () where it logs nothing, so that updates and deletes of it fail."""


@dataclass(frozen=True, slots=True)
class UniqueKey:
    columns: tuple[str, ...]
    primary: bool
    immediate: bool
    """False for a DEFERRABLE constraint, which ON CONFLICT cannot use."""


def find(connection: psycopg.Connection[Any], schema: str, name: str) -> int | None:
    """The oid of an ordinary or partitioned table, None when there is none."""
    return find_all(connection, [(schema, name)]).get((schema, name))


def find_all(connection: psycopg.Connection[Any], names: Sequence[TableName]) -> dict[TableName, int]:
    """The oids of those of the tables that there are."""
    schemas, tables = [schema for schema, _ in names], [table for _, table in names]
    return {(schema, name): oid for schema, name, oid in connection.execute(_FIND, (schemas, tables))}


def list_tables(connection: psycopg.Connection[Any]) -> list[TableName]:
    """All tables with a log but the system's, the agent's own and the partitions of others, by name."""
    return [(schema, name) for schema, name in connection.execute(_TABLES).fetchall()]


def left_out(connection: psycopg.Connection[Any]) -> list[tuple[TableName, str]]:
    """What is no such table, and what it is."""
    return [((schema, name), kind) for schema, name, kind in connection.execute(_LEFT_OUT).fetchall()]


def describe(
    connection: psycopg.Connection[Any], schema: str, name: str, types: TypeCatalogue | None = None
) -> TargetTable | None:
    """The table as it is now, or None. `types` saves look-ups when several tables are described."""
    return describe_all(connection, [(schema, name)], types).get((schema, name))


def describe_all(
    connection: psycopg.Connection[Any], names: Sequence[TableName], types: TypeCatalogue | None = None
) -> dict[TableName, TargetTable]:
    """Those of the tables that there are, as they are now."""
    found = find_all(connection, names)
    oids = list(found.values())
    columns = _columns(connection, oids, types or TypeCatalogue(connection)) if oids else {}
    keys = unique_keys(connection, oids) if oids else {}
    foreign = _foreign_keys(connection, oids) if oids else {}
    return {
        (schema, name): TargetTable(
            schema=schema,
            name=name,
            columns=tuple(columns.get(oid, ())),
            primary_key=next((key.columns for key in keys.get(oid, ()) if key.primary), ()),
            unique_keys=tuple(key.columns for key in keys.get(oid, ()) if not key.primary),
            foreign_keys=tuple(foreign.get(oid, ())),
        )
        for (schema, name), oid in found.items()
    }


def unique_keys(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, list[UniqueKey]]:
    """By the tables' oids: valid unique indexes over plain columns and all rows, the primary key first."""
    keys: dict[int, list[UniqueKey]] = {}
    for oid, primary, immediate, columns in connection.execute(_UNIQUE, (list(oids),)):
        keys.setdefault(oid, []).append(UniqueKey(tuple(columns), primary, immediate))
    return keys


def acting_keys(connection: psycopg.Connection[Any]) -> list[tuple[TableName, ForeignKey]]:
    """The foreign keys that change rows by themselves, with their child's name."""
    oids = [oid for (oid,) in connection.execute(_ACTING)]
    names = {oid: (schema, name) for oid, schema, name in connection.execute(_NAMES, (oids,))}
    keys = _foreign_keys(connection, list(names)) if names else {}
    return [(names[oid], key) for oid, some in keys.items() for key in some if key.acts]


def acted_on(connection: psycopg.Connection[Any]) -> frozenset[TableName]:
    """The tables whose rows have children that a foreign key acts on."""
    return frozenset(key.references for _, key in acting_keys(connection))


def replica_identity(connection: psycopg.Connection[Any], schema: str, name: str) -> ReplicaIdentity | None:
    """What the table's updates and deletes will log, or None when there is no such table."""
    return replica_identities(connection, [(schema, name)]).get((schema, name))


def replica_identities(
    connection: psycopg.Connection[Any], names: Sequence[TableName]
) -> dict[TableName, ReplicaIdentity]:
    """What the updates and deletes of those of the tables that there are will log."""
    found = find_all(connection, names)
    oids = list(found.values())
    rows = connection.execute(_IDENTITY, (oids,)).fetchall()
    parts = partitions(connection, oids)
    keys = unique_keys(connection, list(parts))
    primary = {oid: key.columns for oid, some in keys.items() for key in some if key.primary}
    identities = {
        oid: ReplicaIdentity(_IDENTITIES[kind], tuple(key), tuple(parts.get(oid, ()))).of_partitions(
            primary.get(oid, ())
        )
        for oid, kind, key in rows
    }
    return {name: identities[oid] for name, oid in found.items() if oid in identities}


def partitions(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, list[Partition]]:
    """By the oids of partitioned tables: their partitions, by name."""
    found: dict[int, list[Partition]] = {}
    for oid, schema, name, whole, key in connection.execute(_PARTITIONS, (list(oids),)):
        found.setdefault(oid, []).append(Partition((schema, name), whole, tuple(key)))
    return found


def shapes(
    connection: psycopg.Connection[Any], names: Sequence[TableName], types: TypeCatalogue | None = None
) -> dict[TableName, Shape]:
    """Those of the tables that there are, with what is needed to make them again."""
    tables = describe_all(connection, names, types)
    oids = find_all(connection, list(tables))
    wanted = list(oids.values())
    defaults = _by_oid(connection.execute(_DEFAULTS, (wanted,)))
    indexes = _by_oid(connection.execute(_INDEXES, (wanted,)))
    others = _by_oid(connection.execute(_OTHERS, {"oids": wanted}))
    unlogged = {row[0] for row in connection.execute(_PERSISTENCE, (wanted,))}
    return {
        name: _shape(
            tables[name], defaults.get(oid, []), indexes.get(oid, []), others.get(oid, []), oid not in unlogged
        )
        for name, oid in oids.items()
    }


def _by_oid(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for oid, *row in rows:
        found.setdefault(oid, []).append(tuple(row))
    return found


def _shape(
    table: TargetTable,
    defaults: Sequence[tuple[Any, ...]],
    indexes: Sequence[tuple[Any, ...]],
    others: Sequence[tuple[Any, ...]],
    logged: bool,
) -> Shape:
    counted = {name for name, text in defaults if text.startswith("nextval(")}
    columns = tuple(replace(one, identity=True) if one.name in counted else one for one in table.columns)
    plain = [(name, unique, tuple(parts)) for name, unique, _, odd, parts in indexes if not odd]
    return Shape(
        table=replace(table, columns=columns),
        defaults={name: default_of(text) for name, text in defaults if name not in counted},
        indexes=tuple(Index(name, parts, unique) for name, unique, parts in plain),
        identity=next((tuple(parts) for _, _, identity, odd, parts in indexes if identity and not odd), ()),
        untold=(
            *(f"{'unique ' if unique else ''}index {name} ({odd})" for name, unique, _, odd, _ in indexes if odd),
            *(words for (words,) in others),
        ),
        logged=logged,
    )


_CONSTANT: Final = re.compile(
    r"'((?:[^']|'')*)'(?:::[\w .\"\[\]]+(?:\(\d+(?:,\d+)?\))?(?:[\w ]*))?|(-?\d+(?:\.\d+)?)|(true|false)"
)
_NOW: Final = frozenset(("now()", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "transaction_timestamp()"))


def default_of(text: str) -> Default:
    """A default as pg_get_expr prints it: ``'new'::character varying``, ``0``, ``now()``."""
    if text in _NOW:
        return Default(text, now=True)
    match = _CONSTANT.fullmatch(text)
    if match is None:
        return Default(text)
    quoted, number, truth = match.groups()
    return Default(text, value=quoted.replace("''", "'") if quoted is not None else number or truth)


def _columns(
    connection: psycopg.Connection[Any], oids: Sequence[int], types: TypeCatalogue
) -> dict[int, list[TargetColumn]]:
    columns: dict[int, list[TargetColumn]] = {}
    for oid, name, type_oid, modifier, required, has_default, generated, identity, number in connection.execute(
        _COLUMNS, (list(oids),)
    ).fetchall():
        column = TargetColumn(
            name=name,
            type=types.resolve(type_oid, modifier),
            nullable=not required,
            has_default=has_default or identity,
            generated=generated,
            identity=identity,
            number=number,
        )
        columns.setdefault(oid, []).append(column)
    return columns


def _foreign_keys(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, list[ForeignKey]]:
    keys: dict[int, list[ForeignKey]] = {}
    for oid, name, schema, table, on_delete, on_update, columns, referenced in connection.execute(
        _FOREIGN, (list(oids),)
    ):
        key = ForeignKey(
            name=name,
            columns=tuple(columns),
            references=(schema, table),
            referenced_columns=tuple(referenced),
            on_delete=_ACTIONS[on_delete],
            on_update=_ACTIONS[on_update],
        )
        keys.setdefault(oid, []).append(key)
    return keys
