"""A PostgreSQL table as its log would describe it: a connection and a name in, a `Description` out.

Generated columns are left out, as pgoutput leaves them out. The key is the one by which the log knows rows.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres import catalogue
from cdc_agent.engines.postgres.identifiers import qualified, quote
from cdc_agent.model.changes import Column, TableName
from cdc_agent.tables.base import Description, logged

_KIND: Final = "SELECT relkind::text FROM pg_class WHERE oid = %s"
_KEY: Final = """
SELECT i.indexrelid, a.attname, (i.indoption[k.place - 1] & 1) = 1,
       c.opcdefault AND i.indcollation[k.place - 1] = a.attcollation, n.nspname
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid
CROSS JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
JOIN pg_opclass AS c ON c.oid = i.indclass[k.place - 1]
LEFT JOIN pg_amop AS o ON o.amopfamily = c.opcfamily AND o.amoplefttype = c.opcintype
      AND o.amoprighttype = c.opcintype AND o.amopstrategy = 5 AND c.opcmethod = 403
LEFT JOIN pg_operator AS p ON p.oid = o.amopopr
LEFT JOIN pg_namespace AS n ON n.oid = p.oprnamespace
WHERE i.indrelid = %s AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND (i.indisprimary OR t.relreplident = 'i' AND i.indisreplident)
ORDER BY t.relreplident = 'i' AND i.indisreplident DESC, i.indexrelid, k.place
"""
"""The index by which the log knows rows: its columns, whether each descends, whether it is ordered as its column is,
and the schema of its operators. 403 is the B-tree, and 5 its ``>``."""


def describe(opened: psycopg.Connection[Any], name: TableName) -> Description | None:
    """The table as it is now, or None. Raises psycopg.Error as it comes."""
    found = catalogue.describe(opened, *name)
    oid = catalogue.find(opened, *name)
    if found is None or oid is None:
        return None
    columns = [Column(one.name, one.type, one.nullable) for one in found.columns if not one.generated]
    parts = _key_parts(opened, oid, {column.name for column in columns})
    table = logged(name, columns, [part[1] for part in parts])
    partitioned = opened.execute(_KIND, (oid,)).fetchone() == ("p",)
    return Description(
        catalogue=found,
        table=table,
        place=("" if partitioned else "ONLY ") + qualified(*name),
        selected=tuple(quote(column.name) for column in columns),
        operators=tuple(quote(part[4] or "pg_catalog") for part in parts),
        unordered=_unordered(parts),
    )


def _key_parts(opened: psycopg.Connection[Any], oid: int, logged_columns: Set[str]) -> list[tuple[Any, ...]]:
    """The columns of the key, or none where one of them is generated and so not in the log."""
    found = opened.execute(_KEY, (oid,)).fetchall()
    parts = [part for part in found if part[0] == found[0][0]]
    return parts if {part[1] for part in parts} <= logged_columns else []


def _unordered(parts: Sequence[tuple[Any, ...]]) -> str:
    if not parts:
        return "it has no key"
    if any(schema is None or not plain for *_, plain, schema in parts):
        return "its key's index has another order than its columns"
    if len({descends for _, _, descends, *_ in parts}) > 1:
        return "the columns of its key run in different directions"
    return ""
