"""One row as it is now, of a table version that a log has described: a key in, the row in that version's order out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.identifiers import qualified, quote
from cdc_agent.engines.postgres.texts import canonical
from cdc_agent.model.changes import Table
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.tables.base import sent
from cdc_agent.tables.postgres.results import execute

_NOW: Final = """
SELECT c.relkind::text, array(SELECT a.attname::text FROM pg_attribute a
                               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""
_WITHOUT_EQUALITY: Final = frozenset({"json", "xml", "point", "box", "circle", "line", "lseg", "path", "polygon"})
"""Types whose ``=`` does not exist or does not mean sameness; they only get here as part of a keyless table's row."""


def reread(opened: psycopg.Connection[Any], table: Table, key: Mapping[str, Value]) -> Row | None:
    """See `tables.base.TableReader`. Raises psycopg.Error as it comes."""
    found = opened.execute(_NOW, table.full_name).fetchone()
    if found is None:
        return None
    kind, existing = found
    names = [column.name for column in table.columns if column.name in existing]
    if not names or not set(key) <= set(existing):
        return None
    condition, parameters = _condition(table, key)
    listed = ", ".join(quote(name) for name in names)
    only = "" if kind == "p" else "ONLY "
    query = f"SELECT {listed} FROM {only}{qualified(*table.full_name)} WHERE {condition} LIMIT 1"
    result = execute(opened, query, parameters)
    if result.ntuples == 0:
        return None
    values = {name: result.get_value(0, index) for index, name in enumerate(names)}
    return tuple(canonical(values.get(column.name, UNSENT), column.type) for column in table.columns)


def _condition(table: Table, key: Mapping[str, Value]) -> tuple[str, list[bytes]]:
    types = {column.name: column.type.native for column in table.columns}
    conditions, parameters = [], []
    for name, value in key.items():
        text = sent(value)
        if text is None:
            conditions.append(f"{quote(name)} IS NULL")
            continue
        parameters.append(text)
        cast = "::text" if types.get(name) in _WITHOUT_EQUALITY else ""
        conditions.append(f"{quote(name)}{cast} = ${len(parameters)}")
    return " AND ".join(conditions) or "false", parameters
