"""One row as it is now, for a change whose log did not hold all of it. A key in, canonical text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from cdc_agent.engines.postgres.identifiers import qualified, quote
from cdc_agent.model.changes import Table
from cdc_agent.model.values import UNSENT, Row, Unsent, Value
from cdc_agent.sources.postgres.row_decoder import canonical

_NOW: Final = """
SELECT c.relkind::text, array(SELECT a.attname::text FROM pg_attribute a
                               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""

_WITHOUT_EQUALITY: Final = frozenset({"json", "xml", "point", "box", "circle", "line", "lseg", "path", "polygon"})
"""Types whose ``=`` does not exist or does not mean sameness; they only get here as part of a keyless table's row."""


def reread(connection: psycopg.Connection[Any], table: Table, key: Mapping[str, Value]) -> Row | None:
    """The row in `table`'s column order, None when it or its table is gone; columns that are gone are UNSENT.

    The values come in the output functions' text, as pgoutput sends them, and not through a cast, which differs for
    inet, bool and others. Raises ValueError for a key with an unsent value, psycopg.Error as it comes.
    """
    found = connection.execute(_NOW, table.full_name).fetchone()
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
    result = connection.pgconn.exec_params(query.encode(), parameters)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(result)
    if result.ntuples == 0:
        return None
    values = {name: result.get_value(0, index) for index, name in enumerate(names)}
    return tuple(canonical(values.get(column.name, UNSENT), column.type) for column in table.columns)


def _condition(table: Table, key: Mapping[str, Value]) -> tuple[str, list[bytes]]:
    types = {column.name: column.type.native for column in table.columns}
    conditions, parameters = [], []
    for name, value in key.items():
        if isinstance(value, Unsent):
            raise ValueError(f"column {name} of the key was not sent")
        if value is None:
            conditions.append(f"{quote(name)} IS NULL")
            continue
        parameters.append(value)
        cast = "::text" if types.get(name) in _WITHOUT_EQUALITY else ""
        conditions.append(f"{quote(name)}{cast} = ${len(parameters)}")
    return " AND ".join(conditions) or "false", parameters
