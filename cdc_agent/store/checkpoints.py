"""Checkpoint rows, as setup, status and teardown see them.

In: an `Admin`. Out: rows read, first rows written, rows removed. The flow's own writes are the target's work.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Final

from cdc_agent.engines.admin import Admin
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.store import versions
from cdc_agent.store.tables import CHECKPOINT_COLUMNS, checkpoint_values, read_checkpoint

_REMEMBERS: Final = 3
"""The version of the tables from which on they hold what is known of the pipelines' tables."""


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint row with the server's own times."""

    checkpoint: Checkpoint
    updated_seconds_ago: float
    version: int
    """Of the tables; it may be an older program's."""


def read(target: Admin, pipeline: str) -> Held | None:
    """The pipeline's row; None when there is none, or no table. Raises TablesTooNew."""
    version = versions.readable(target)
    if not version:
        return None
    columns = ", ".join(target.quote(name) for name in CHECKPOINT_COLUMNS)
    found = target.rows(
        f"SELECT {columns}, {versions.STATEMENTS[target.engine].age} FROM {target.quote('cdc_agent', 'checkpoint')} "
        f"WHERE {target.quote('pipeline')} = %s",
        (pipeline,),
    )
    if not found:
        return None
    *row, age = found[0]
    return Held(read_checkpoint(tuple(row)), float(age), version)


def write_first(target: Admin, pipeline: str, source: str, position: str, identity: str) -> None:
    """Insert the pipeline's first row, from which `run` starts."""
    first = Checkpoint(
        pipeline=pipeline,
        source=source,
        path=(source,),
        generation=0,
        position=position,
        source_identity=identity,
        source_commit_time=None,
        transactions=0,
        changes=0,
        echoes=0,
        quarantined=0,
        host=f"{socket.gethostname()}:{os.getpid()}",
    )
    columns = ", ".join(target.quote(name) for name in CHECKPOINT_COLUMNS)
    marks = ", ".join(["%s"] * len(CHECKPOINT_COLUMNS))
    target.run(
        f"INSERT INTO {target.quote('cdc_agent', 'checkpoint')} ({columns}) VALUES ({marks})", checkpoint_values(first)
    )


def remove(target: Admin, pipeline: str) -> bool:
    """Delete the pipeline's checkpoint, history and memory of its tables; quarantined rows and the audit stay.

    True when there was a checkpoint.
    """
    version = versions.readable(target)
    if not version:
        return False
    where = f"WHERE {target.quote('pipeline')} = %s"
    for table in ("checkpoint_history", *(("schema", "table_state") if version >= _REMEMBERS else ())):
        target.run(f"DELETE FROM {target.quote('cdc_agent', table)} {where}", (pipeline,))
    return target.run(f"DELETE FROM {target.quote('cdc_agent', 'checkpoint')} {where}", (pipeline,)) > 0


def pipelines(target: Admin) -> list[str]:
    """The pipelines that have a checkpoint here."""
    if not versions.readable(target):
        return []
    found = target.rows(f"SELECT {target.quote('pipeline')} FROM {target.quote('cdc_agent', 'checkpoint')}")
    return sorted(str(row[0]) for row in found)
