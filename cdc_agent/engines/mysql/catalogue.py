"""What a MySQL or MariaDB server says of its tables now.

A connection in, `mapping.writes.TargetTable` values out. Reads ``information_schema`` only; a column that the user
has no right on is not seen there, and so not written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cdc_agent.engines.mysql import foreign_keys
from cdc_agent.engines.mysql.connection import Session
from cdc_agent.engines.mysql.questions import by_table, of_tables, rows_of
from cdc_agent.engines.mysql.types import from_column_type
from cdc_agent.errors import Retryable, TargetUnavailable
from cdc_agent.model.changes import TableName
from cdc_agent.model.shapes import Default, Index, Shape
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import Kind

_TABLE: Final = """
    SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME {chosen} AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
"""
_TABLES: Final = """
    SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES
    WHERE TABLE_TYPE = 'BASE TABLE' AND (%s IS NULL OR TABLE_SCHEMA = %s)
      AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', 'cdc_agent')
    ORDER BY TABLE_SCHEMA, TABLE_NAME
"""
_LEFT_OUT: Final = """
    SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES
    WHERE TABLE_TYPE NOT IN ('BASE TABLE', 'SYSTEM VIEW')
      AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', 'cdc_agent')
    ORDER BY TABLE_TYPE, TABLE_SCHEMA, TABLE_NAME
"""
_KINDS: Final = {"SYSTEM VERSIONED": "system-versioned table", "TEMPORARY": "temporary table"}
_COLUMNS: Final = """
    SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT, EXTRA
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME {chosen}
    ORDER BY TABLE_NAME, ORDINAL_POSITION
"""
_JSON_CHECKS: Final = """
    SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = %s AND TABLE_NAME {chosen}
"""
_UNIQUE: Final = """
    SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME {chosen} AND NON_UNIQUE = 0
    ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX
"""
_INDEXES: Final = """
    SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE = 0, INDEX_TYPE, COLUMN_NAME, SUB_PART
    FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = %s AND TABLE_NAME {chosen} AND INDEX_NAME <> 'PRIMARY'
    ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX
"""
_CHECKS: Final = """
    SELECT t.TABLE_NAME, t.CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS AS t
    WHERE t.TABLE_SCHEMA = %s AND t.TABLE_NAME {chosen} AND t.CONSTRAINT_TYPE = 'CHECK'
    ORDER BY t.TABLE_NAME, t.CONSTRAINT_NAME
"""
_TRIGGERS: Final = """
    SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE {chosen} ORDER BY EVENT_OBJECT_TABLE, TRIGGER_NAME
"""

_GENERATED_KEY: Final = "my_row_id"


def describe(
    connection: Session, schema: str, name: str, *, unavailable: type[Retryable] = TargetUnavailable
) -> TargetTable | None:
    """The table as it is now, or None when there is none (a view is none).

    A unique key over a prefix or an expression appears under that spelling, which is no column's name: it forbids,
    as every second unique key does, but identifies nothing. A primary key over a prefix is such a key too. The key
    that ``sql_generate_invisible_primary_key`` adds is the server's own affair: such a table has no key.
    """
    found = _schema_tables(connection, schema, [name], unavailable)
    return found[0] if found else None


def describe_all(
    connection: Session, names: Iterable[TableName], *, unavailable: type[Retryable] = TargetUnavailable
) -> dict[TableName, TargetTable]:
    """Those of the tables that there are under exactly these names, with as many questions to a schema as for one."""
    schemas: dict[str, list[str]] = {}
    for schema, name in names:
        schemas.setdefault(schema, []).append(name)
    found = (_schema_tables(connection, schema, tables, unavailable) for schema, tables in schemas.items())
    return {table.full_name: table for tables in found for table in tables}


def _schema_tables(
    connection: Session, schema: str, names: Sequence[str], unavailable: type[Retryable]
) -> list[TargetTable]:
    """Those of a schema's tables that there are, as the server spells them (it may not tell upper from lower case)."""
    found = of_tables(connection, _TABLE, schema, names, unavailable)
    if not found:
        return []
    schema, spelled = found[0][0], [name for _, name in found]

    def asked(statement: str) -> dict[str, list[tuple[Any, ...]]]:
        return by_table(of_tables(connection, statement, schema, spelled, unavailable))

    is_mariadb = connection.server.is_mariadb
    columns, unique = asked(_COLUMNS), asked(_UNIQUE)
    foreign = foreign_keys.of_some(connection, schema, spelled, unavailable)
    checks = asked(_JSON_CHECKS) if is_mariadb else {}
    absent = (None, "NULL") if is_mariadb else (None,)
    return [
        _table(schema, name, columns.get(name, []), unique.get(name, []), foreign.get(name, ()), checks, absent)
        for name in spelled
    ]


def shapes(
    connection: Session, names: Iterable[TableName], *, unavailable: type[Retryable] = TargetUnavailable
) -> dict[TableName, Shape]:
    """Those of the tables that there are, with what is needed to make them again."""
    tables = describe_all(connection, names, unavailable=unavailable)
    schemas: dict[str, list[str]] = {}
    for schema, name in tables:
        schemas.setdefault(schema, []).append(name)
    found: dict[TableName, Shape] = {}
    for schema, spelled in schemas.items():
        columns, indexes, checks, triggers = (
            by_table(of_tables(connection, statement, schema, spelled, unavailable))
            for statement in (_COLUMNS, _INDEXES, _CHECKS, _TRIGGERS)
        )
        for name in spelled:
            others = [f"check {row[0]}" for row in checks.get(name, ())]
            others += [f"trigger {row[0]}" for row in triggers.get(name, ())]
            table, parts = tables[schema, name], indexes.get(name, [])
            found[schema, name] = _shape(table, columns[name], parts, others, connection.server.is_mariadb)
    return found


def _shape(
    table: TargetTable,
    columns: Sequence[tuple[Any, ...]],
    indexes: Sequence[tuple[Any, ...]],
    others: Sequence[str],
    mariadb: bool,
) -> Shape:
    defaults: dict[str, Default] = {}
    updated = []
    for name, *_, default, extra in columns:
        if "ON UPDATE" in extra.upper():
            updated.append(f"ON UPDATE of column {name}")
        if default is not None and not (mariadb and default == "NULL") and "AUTO_INCREMENT" not in extra.upper():
            made = mariadb_default(default) if mariadb else mysql_default(default, extra)
            defaults[name] = made
    grouped: dict[str, list[tuple[Any, ...]]] = {}
    for row in indexes:
        grouped.setdefault(row[0], []).append(row)
    plain = [parts for parts in grouped.values() if not _odd(parts)]
    odd = [f"index {name} ({_odd(parts)})" for name, parts in grouped.items() if _odd(parts)]
    return Shape(
        table=table,
        defaults=defaults,
        indexes=tuple(_index(parts) for parts in plain),
        untold=(*odd, *updated, *(other for other in others if not _is_json_check(other, table))),
    )


def _odd(parts: Sequence[tuple[Any, ...]]) -> str:
    """Why an index has no words in `Index`; '' where it has."""
    _, _, kind, *_ = parts[0]
    if kind not in ("BTREE", "HASH"):
        return str(kind).lower()
    return "over an expression" if any(column is None for *_, column, _ in parts) else ""


def _index(parts: Sequence[tuple[Any, ...]]) -> Index:
    name, unique, *_ = parts[0]
    prefixes = {column: int(size) for *_, column, size in parts if size is not None}
    return Index(name, tuple(column for *_, column, _ in parts), bool(unique), prefixes)


def _is_json_check(other: str, table: TargetTable) -> bool:
    """MariaDB spells JSON as a check of the column's own name."""
    column = table.column(other.removeprefix("check "))
    return column is not None and column.type.kind is Kind.JSON


_NOW: Final = re.compile(r"(?:current_timestamp|now|localtimestamp)(?:\(\d?\))?", re.IGNORECASE)


def mysql_default(text: str, extra: str) -> Default:
    """A default as MySQL's information_schema has it: bare, with a word beside it where it is an expression."""
    if _NOW.fullmatch(text):
        return Default(text, now=True)
    return Default(text, value=None if "DEFAULT_GENERATED" in extra.upper() or text.startswith("b'") else text)


def mariadb_default(text: str) -> Default:
    """A default as MariaDB's information_schema has it: as it would stand in a statement."""
    if _NOW.fullmatch(text):
        return Default(text, now=True)
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return Default(text, value=text[1:-1].replace("''", "'").replace("\\\\", "\\"))
    return Default(text, value=text if re.fullmatch(r"-?\d+(?:\.\d+)?", text) else None)


def _table(
    schema: str,
    name: str,
    columns: Sequence[tuple[Any, ...]],
    unique: Sequence[tuple[Any, ...]],
    foreign: tuple[ForeignKey, ...],
    checks: Mapping[str, Sequence[tuple[Any, ...]]],
    absent: tuple[str | None, ...],
) -> TargetTable:
    json_columns = _json_columns(checks.get(name, ()))
    made = tuple(_column(row, json_columns, absent) for row in columns if not _is_generated_key(row))
    primary_key, unique_keys = _keys(unique, made)
    return TargetTable(schema, name, made, primary_key, unique_keys, foreign)


def list_tables(
    connection: Session, schema: str | None = None, *, unavailable: type[Retryable] = TargetUnavailable
) -> list[TableName]:
    """Every base table that the user can see, but for the servers' and the agent's own; of one database if given.

    A system-versioned table is none.
    """
    return [(row[0], row[1]) for row in rows_of(connection, _TABLES, (schema, schema), unavailable)]


def left_out(connection: Session, *, unavailable: type[Retryable] = TargetUnavailable) -> list[tuple[TableName, str]]:
    """What is no base table, and what it is: a view, a sequence, a system-versioned table."""
    rows = rows_of(connection, _LEFT_OUT, (), unavailable)
    return [((schema, name), _KINDS.get(kind, kind.lower())) for schema, name, kind in rows]


def triggers(
    connection: Session, schema: str, name: str, *, unavailable: type[Retryable] = TargetUnavailable
) -> list[str]:
    """Names of the table's triggers; the server shows them to users with the TRIGGER privilege only."""
    return [name for _, name in of_tables(connection, _TRIGGERS, schema, [name], unavailable)]


def all_triggers(connection: Session, names: Iterable[TableName]) -> dict[TableName, list[str]]:
    """Those of several tables, as `triggers`, where there are some."""
    schemas: dict[str, list[str]] = {}
    for schema, name in names:
        schemas.setdefault(schema, []).append(name)
    found: dict[TableName, list[str]] = {}
    for schema, tables in schemas.items():
        for table, trigger in of_tables(connection, _TRIGGERS, schema, tables, TargetUnavailable):
            found.setdefault((schema, table), []).append(trigger)
    return found


def _json_columns(checks: Iterable[tuple[Any, ...]]) -> frozenset[str]:
    """MariaDB spells JSON as LONGTEXT with a check of the column's own name: ``json_valid(`name`)``."""
    return frozenset(name for name, clause in checks if clause == f"json_valid(`{name.replace('`', '``')}`)")


def _is_generated_key(row: tuple[Any, ...]) -> bool:
    """https://dev.mysql.com/doc/refman/8.4/en/create-table-gipks.html: the name is reserved while the mode is on."""
    name, extra = row[0], row[6].upper()
    return name == _GENERATED_KEY and "INVISIBLE" in extra and "AUTO_INCREMENT" in extra


def _column(row: tuple[Any, ...], json_columns: frozenset[str], absent: tuple[str | None, ...]) -> TargetColumn:
    """`absent` is how the server spells that there is no default: MariaDB says NULL where MySQL has nothing."""
    name, column_type, charset, collation, nullable, default, extra = row
    extra = extra.upper()
    identity = "AUTO_INCREMENT" in extra
    return TargetColumn(
        name=name,
        type=from_column_type(column_type, charset, collation, json=name in json_columns),
        nullable=nullable == "YES",
        has_default=identity or "DEFAULT_GENERATED" in extra or default not in absent,
        generated="GENERATED" in extra.replace("DEFAULT_GENERATED", ""),
        identity=identity,
        touched="ON UPDATE" in extra,
    )


def _keys(
    rows: Iterable[tuple[Any, ...]], columns: Sequence[TargetColumn]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    indexes: dict[str, list[str]] = {}
    for index, column, prefix in rows:
        part = "(expression)" if column is None else column if prefix is None else f"{column}({prefix})"
        indexes.setdefault(index, []).append(part)
    names = {column.name for column in columns}
    if indexes.get("PRIMARY") == [_GENERATED_KEY] and _GENERATED_KEY not in names:
        del indexes["PRIMARY"]
    primary = tuple(indexes.get("PRIMARY", ()))
    if not names.issuperset(primary):
        return (), tuple(tuple(parts) for parts in indexes.values())
    return primary, tuple(tuple(parts) for index, parts in indexes.items() if index != "PRIMARY")
