"""What writing to a table needs of the catalogue beyond its description: how columns are cast, compared and keyed.

Tables' names in, `Layout`s out. Everything SQL-shaped in it is quoted by the server or by `identifiers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres import catalogue
from cdc_agent.engines.postgres.identifiers import qualified
from cdc_agent.errors import TargetSchemaError
from cdc_agent.model.changes import TableName

_COLUMNS: Final = """
WITH RECURSIVE base (relation, attnum, name, identity, collated, oid, kind) AS (
    SELECT a.attrelid, a.attnum, a.attname::text, a.attidentity::text, a.attcollation, t.oid, t.typtype
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT b.relation, b.attnum, b.name, b.identity, b.collated, t.oid, t.typtype
    FROM base AS b
    JOIN pg_type AS d ON d.oid = b.oid
    JOIN pg_type AS t ON t.oid = d.typbasetype
    WHERE b.kind = 'd'
)
SELECT b.relation, b.name, b.identity = 'a', format_type(b.oid, -1), coalesce(e.oid, b.oid)::bigint,
       t.typarray <> 0 AND t.typdelim = ',' AND t.typcategory <> 'A' AND t.typtype <> 'c',
       t.typname = 'citext'
       OR EXISTS (SELECT FROM pg_collation AS c WHERE c.oid = b.collated AND NOT c.collisdeterministic)
FROM base AS b
JOIN pg_type AS t ON t.oid = b.oid
LEFT JOIN pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
WHERE b.kind <> 'd'
ORDER BY b.relation, b.attnum
"""
"""Domains are replaced by their base types, without modifiers: a cast to varchar(3) would cut a value, an assignment
to such a column refuses it."""

_EQUALITY: Final = """
SELECT t.oid::bigint,
       CASE WHEN t.typtype IN ('e', 'r', 'm') THEN 'pg_catalog.=' ELSE (
           SELECT quote_ident(n.nspname) || '.' || o.oprname
           FROM pg_opclass AS c
           JOIN pg_am AS m ON m.oid = c.opcmethod
           JOIN pg_amop AS a ON a.amopfamily = c.opcfamily
            AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype
            AND a.amopstrategy = CASE m.amname WHEN 'btree' THEN 3 ELSE 1 END
           JOIN pg_operator AS o ON o.oid = a.amopopr
           JOIN pg_namespace AS n ON n.oid = o.oprnamespace
           LEFT JOIN pg_cast AS s ON s.castsource = t.oid AND s.casttarget = c.opcintype
            AND s.castmethod = 'b' AND s.castcontext = 'i'
           WHERE m.amname IN ('btree', 'hash') AND c.opcdefault AND (c.opcintype = t.oid OR s.oid IS NOT NULL)
           ORDER BY c.opcintype = t.oid DESC, m.amname
           LIMIT 1) END
FROM pg_type AS t
WHERE t.oid = ANY (%s::oid[])
"""
"""A type's own equality, wherever its extension was installed: the one that its unique indexes mean."""

_KIND: Final = """
SELECT oid, relkind = 'p', relkind IN ('r', 'p') AND NOT relhasrules AND NOT row_security_active(oid)
FROM pg_class
WHERE oid = ANY (%s::oid[])
"""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    name: str
    type: str
    """The base type without modifiers, quoted: what a parameter is cast to."""
    array: bool
    """Whether unnest gives back one column with one value for each row: arrays flatten, composites spread out."""
    equality: str | None
    """The operator with its schema; None for a type without equality (json, point, xml), compared by its text."""
    always_identity: bool
    """GENERATED ALWAYS AS IDENTITY: may be inserted, never updated."""
    loose: bool = False
    """Whether texts may be equal that are not the same: citext, and collations that are not deterministic."""


@dataclass(frozen=True, slots=True)
class Layout:
    table: str
    """The quoted, qualified name."""
    title: str
    """The name for people."""
    columns: dict[str, ColumnLayout]
    arbiters: frozenset[frozenset[str]]
    """The column sets that ON CONFLICT can infer a unique index from."""
    partitioned: bool
    copyable: bool
    """Whether COPY does the same as INSERT: it knows neither rules nor row security, and no view."""


def read_layout(connection: psycopg.Connection[Any], schema: str, name: str) -> Layout:
    """Read a table's layout. Raises `errors.TargetSchemaError` when there is no such table."""
    found = read_layouts(connection, [(schema, name)]).get((schema, name))
    if found is None:
        raise TargetSchemaError(f"there is no table {schema}.{name} on the target")
    return found


def read_layouts(connection: psycopg.Connection[Any], names: Sequence[TableName]) -> dict[TableName, Layout]:
    """The layouts of those of the tables that there are, with as many questions as for one."""
    found = catalogue.find_all(connection, names)
    oids = list(found.values())
    if not oids:
        return {}
    columns = _columns(connection, oids)
    kinds = {oid: rest for oid, *rest in connection.execute(_KIND, (oids,))}
    keys = catalogue.unique_keys(connection, oids)
    return {
        (schema, name): Layout(
            table=qualified(schema, name),
            title=f"{schema}.{name}",
            columns={column.name: column for column in columns.get(oid, ())},
            arbiters=frozenset(frozenset(key.columns) for key in keys.get(oid, ()) if key.immediate),
            partitioned=kinds[oid][0],
            copyable=kinds[oid][1],
        )
        for (schema, name), oid in found.items()
        if oid in kinds
    }


def _columns(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, list[ColumnLayout]]:
    rows = connection.execute(_COLUMNS, (list(oids),)).fetchall()
    equal = _equality(connection, {compared for _, _, _, _, compared, _, _ in rows})
    columns: dict[int, list[ColumnLayout]] = {}
    for oid, name, identity, type_name, compared, array, loose in rows:
        column = ColumnLayout(name, type_name, array, equal[compared], identity, loose)
        columns.setdefault(oid, []).append(column)
    return columns


def _equality(connection: psycopg.Connection[Any], oids: Iterable[int]) -> dict[int, str | None]:
    """For each type the operator; an array is as comparable as its elements, by pg_catalog's own operator."""
    return dict(connection.execute(_EQUALITY, (list(oids),)).fetchall())
