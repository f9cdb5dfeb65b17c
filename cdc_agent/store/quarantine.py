"""Quarantined rows, as a person sees them.

In: an `Admin`. Out: rows of ``cdc_agent.quarantine``. What is written there is the target's work.
"""

from __future__ import annotations

from typing import Any, Final

from cdc_agent.engines.admin import Admin
from cdc_agent.store import versions

SHOWN: Final = (
    "id",
    "quarantined_at",
    "state",
    "source_table",
    "target_table",
    "operation",
    "column_name",
    "code",
    "reason",
    "position",
    "row_data",
)
IMAGES: Final = ("old_key", "new_key", "old_row", "new_row")
"""The whole change, in tables of version 2 and newer."""


def newest(target: Admin, pipeline: str, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` quarantined rows of a pipeline, newest first, values included. Raises TablesTooNew."""
    version = versions.readable(target)
    if not version:
        return []
    names = (*SHOWN, *IMAGES) if version > 1 else SHOWN
    columns = ", ".join(target.quote(name) for name in names)
    found = target.rows(
        f"SELECT {columns} FROM {target.quote('cdc_agent', 'quarantine')} WHERE {target.quote('pipeline')} = %s "
        f"ORDER BY {target.quote('id')} DESC LIMIT {limit:d}",
        (pipeline,),
    )
    return [dict(zip(names, row, strict=True)) for row in found]
