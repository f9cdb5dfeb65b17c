"""What is remembered of tables, as setup writes it first. The flow's own writes are the target's work.

In: an `Admin`. Out: descriptions written.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdc_agent.engines.admin import Admin
from cdc_agent.model.remembered import Remembered
from cdc_agent.store import tables


def begin(target: Admin, pipeline: str, entries: Sequence[Remembered]) -> None:
    """Write the descriptions from which a pipeline starts, in place of what is left of another start."""
    table = target.quote("cdc_agent", "schema")
    columns = ", ".join(map(target.quote, tables.SCHEMA_COLUMNS))
    marks = ", ".join(["%s"] * len(tables.SCHEMA_COLUMNS))
    for aspect in sorted({entry.aspect for entry in entries}):
        where = f"{target.quote('pipeline')} = %s AND {target.quote('aspect')} = %s"
        target.run(f"DELETE FROM {table} WHERE {where}", (pipeline, aspect))
    for entry in entries:
        target.run(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tables.schema_values(pipeline, entry))
