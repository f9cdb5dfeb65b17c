"""The foreign keys of MySQL's and MariaDB's tables, seen by a user who has no more than SELECT on them.

A connection and tables' names in, `ForeignKey`s out. ``KEY_COLUMN_USAGE`` shows every key of a table on which the user
has a right. ``REFERENTIAL_CONSTRAINTS``, which says what the keys do, hides its rows in MariaDB from whoever has SELECT
alone; SHOW CREATE TABLE asks for no more. So what the one hides is read from the other, and a key of which neither says
what it does is an error: it is never taken for one that does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from cdc_agent.engines.mysql.connection import Session
from cdc_agent.engines.mysql.identifiers import quote_name
from cdc_agent.engines.mysql.questions import by_table, of_tables, rows_of
from cdc_agent.errors import KeysHidden, PrivilegeMissing, Retryable, TargetUnavailable
from cdc_agent.model.changes import TableName
from cdc_agent.model.tables import ForeignKey

_KEYS: Final = """
    SELECT {schema} k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME,
           k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE
    FROM information_schema.KEY_COLUMN_USAGE k LEFT JOIN information_schema.REFERENTIAL_CONSTRAINTS r
      ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
     AND r.TABLE_NAME = k.TABLE_NAME
    WHERE {tables} k.REFERENCED_TABLE_NAME IS NOT NULL
    ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION
"""
_OF_TABLES: Final = _KEYS.format(schema="", tables="k.TABLE_SCHEMA = %s AND k.TABLE_NAME {chosen} AND")
_ALL: Final = _KEYS.format(schema="k.TABLE_SCHEMA,", tables="")
_PRINTED: Final = re.compile(
    r"^ +CONSTRAINT `(?P<name>.+)` FOREIGN KEY \(.+\) REFERENCES .+\)"
    r"(?: ON DELETE (?P<delete>RESTRICT|CASCADE|SET NULL|SET DEFAULT|NO ACTION))?"
    r"(?: ON UPDATE (?P<update>RESTRICT|CASCADE|SET NULL|SET DEFAULT|NO ACTION))?,?$",
    re.MULTILINE,
)

UNKNOWN: Final = "unknown"
"""What a key does that the server does not show."""


class _Part(NamedTuple):
    """One column of a key, as the catalogue has it."""

    key: str
    column: str
    parent_schema: str
    parent: str
    parent_column: str
    on_delete: str | None
    """None where the server hides it."""
    on_update: str | None


def of_some(
    connection: Session, schema: str, names: Sequence[str], unavailable: type[Retryable]
) -> dict[str, tuple[ForeignKey, ...]]:
    """The keys of these tables of one schema, by the child's name. Raises KeysHidden, PrivilegeMissing."""
    rows = by_table(of_tables(connection, _OF_TABLES, schema, names, unavailable))
    return {
        name: tuple(_keys(connection, (schema, name), list(map(_Part._make, parts)), unavailable))
        for name, parts in rows.items()
    }


def of_wanted(
    connection: Session, wanted: Callable[[TableName], bool], *, unavailable: type[Retryable] = TargetUnavailable
) -> list[tuple[TableName, ForeignKey]]:
    """All keys of wanted tables, with their child's name. Raises KeysHidden, PrivilegeMissing."""
    return [
        (table, key)
        for table, parts in _all(connection, unavailable).items()
        if wanted(table)
        for key in _keys(connection, table, parts, unavailable)
    ]


def acting(
    connection: Session, *, unavailable: type[Retryable] = TargetUnavailable
) -> list[tuple[TableName, ForeignKey]]:
    """The keys that act, with their child's name, of all tables that the user sees; a key of which nothing can be seen
    may well act.
    """
    found: list[tuple[TableName, ForeignKey]] = []
    for table, parts in _all(connection, unavailable).items():
        try:
            keys = list(_keys(connection, table, parts, unavailable))
        except (KeysHidden, PrivilegeMissing):
            unknown = [part._replace(on_delete=UNKNOWN, on_update=UNKNOWN) for part in parts]
            keys = list(_keys(connection, table, unknown, unavailable))
        found += [(table, key) for key in keys if key.acts or UNKNOWN in (key.on_delete, key.on_update)]
    return found


def acted_on(connection: Session, *, unavailable: type[Retryable] = TargetUnavailable) -> frozenset[TableName]:
    """The tables whose rows have children that a key acts on."""
    return frozenset(key.references for _, key in acting(connection, unavailable=unavailable))


def _all(connection: Session, unavailable: type[Retryable]) -> dict[TableName, list[_Part]]:
    tables: dict[TableName, list[_Part]] = {}
    for schema, table, *part in rows_of(connection, _ALL, (), unavailable):
        tables.setdefault((schema, table), []).append(_Part._make(part))
    return tables


def _keys(
    connection: Session, table: TableName, parts: Sequence[_Part], unavailable: type[Retryable]
) -> Iterator[ForeignKey]:
    hidden = any(part.on_delete is None for part in parts)
    printed = _printed(connection, table, unavailable) if hidden else {}
    for name, group in groupby(parts, key=lambda part: part.key):
        columns = list(group)
        rules = (columns[0].on_delete, columns[0].on_update) if columns[0].on_delete else printed.get(name)
        if rules is None:
            raise KeysHidden(
                f"foreign key {name} of {'.'.join(table)} is there, and the server does not say what it does"
            )
        yield ForeignKey(
            name=name,
            columns=tuple(part.column for part in columns),
            references=(columns[0].parent_schema, columns[0].parent),
            referenced_columns=tuple(part.parent_column for part in columns),
            on_delete=rules[0] or "",
            on_update=rules[1] or "",
        )


def _printed(connection: Session, table: TableName, unavailable: type[Retryable]) -> dict[str, tuple[str, str]]:
    """What each key of a table does, by its name, which MariaDB before 11 prints without doubling its backticks."""
    rows = rows_of(connection, f"SHOW CREATE TABLE {quote_name(*table)}", (), unavailable, f"reading {'.'.join(table)}")
    unsaid = "RESTRICT" if connection.server.is_mariadb else "NO ACTION"
    found: dict[str, tuple[str, str]] = {}
    for match in _PRINTED.finditer(str(rows[0][1])):
        rules = (match["delete"] or unsaid, match["update"] or unsaid)
        found |= {match["name"]: rules, match["name"].replace("``", "`"): rules}
    return found
