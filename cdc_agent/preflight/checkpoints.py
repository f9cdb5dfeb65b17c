"""The agent's own tables on a target, as setup, status, quarantine and teardown see them.

In: an `Admin`. Out: checkpoint rows read, first rows written, everything removed. The flow's own writes are the
target's work.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Any, Final

from cdc_agent.config.model import Engine
from cdc_agent.engines.admin import Admin
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.targets.checkpoint import CHECKPOINT_COLUMNS, checkpoint_values, ddl, read_checkpoint

QUARANTINE_SHOWN: Final = (
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
TABLES: Final = ("checkpoint", "checkpoint_history", "quarantine", "schema_version")


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint row with the server's own times."""

    checkpoint: Checkpoint
    updated_seconds_ago: float


def exists(target: Admin) -> bool:
    """Whether all of the agent's tables are there (and visible to the role)."""
    found = target.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'cdc_agent' AND table_name IN "
        f"({', '.join(repr(name) for name in TABLES)})"
    )
    return len(found) == len(TABLES)


def schema_exists(target: Admin) -> bool:
    """Whether the schema cdc_agent (in MySQL: the database) is there."""
    catalogue = "pg_namespace WHERE nspname" if target.engine is Engine.POSTGRES else _MYSQL_SCHEMA
    return bool(target.rows(f"SELECT 1 FROM {catalogue} = 'cdc_agent'"))


_MYSQL_SCHEMA = "information_schema.schemata WHERE schema_name"


def create_tables(target: Admin) -> None:
    """Create the schema and the tables. Raises PrivilegeMissing where the role may not."""
    statements = ddl(target.engine)
    for statement in statements[1:] if schema_exists(target) else statements:
        target.run(statement)


def read(target: Admin, pipeline: str) -> Held | None:
    """The pipeline's row; None when there is none, or no table."""
    if not exists(target):
        return None
    columns = ", ".join(target.quote(name) for name in CHECKPOINT_COLUMNS)
    found = target.rows(
        f"SELECT {columns}, {_AGE[target.engine]} FROM {target.quote('cdc_agent', 'checkpoint')} "
        f"WHERE {target.quote('pipeline')} = %s",
        (pipeline,),
    )
    if not found:
        return None
    *row, age = found[0]
    return Held(read_checkpoint(tuple(row)), float(age))


_AGE: dict[Engine, str] = {
    Engine.POSTGRES: "EXTRACT(EPOCH FROM clock_timestamp() - updated_at)",
    Engine.MYSQL: "TIMESTAMPDIFF(MICROSECOND, updated_at, CURRENT_TIMESTAMP(6)) / 1000000",
}


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
    """Delete the pipeline's checkpoint and history; quarantined rows stay. True when there was a checkpoint."""
    if not exists(target):
        return False
    where = f"WHERE {target.quote('pipeline')} = %s"
    target.run(f"DELETE FROM {target.quote('cdc_agent', 'checkpoint_history')} {where}", (pipeline,))
    return target.run(f"DELETE FROM {target.quote('cdc_agent', 'checkpoint')} {where}", (pipeline,)) > 0


def others(target: Admin) -> list[str]:
    """The pipelines that still have a checkpoint here."""
    if not exists(target):
        return []
    found = target.rows(f"SELECT {target.quote('pipeline')} FROM {target.quote('cdc_agent', 'checkpoint')}")
    return sorted(str(row[0]) for row in found)


def drop_schema(target: Admin) -> None:
    """Remove the agent's tables with everything in them."""
    kind = "SCHEMA" if target.engine is Engine.POSTGRES else "DATABASE"
    cascade = " CASCADE" if target.engine is Engine.POSTGRES else ""
    target.run(f"DROP {kind} IF EXISTS {target.quote('cdc_agent')}{cascade}")


def quarantined(target: Admin, pipeline: str, limit: int) -> list[dict[str, Any]]:
    """The newest `limit` quarantined rows of a pipeline, newest first, values included."""
    if not exists(target):
        return []
    columns = ", ".join(target.quote(name) for name in QUARANTINE_SHOWN)
    found = target.rows(
        f"SELECT {columns} FROM {target.quote('cdc_agent', 'quarantine')} WHERE {target.quote('pipeline')} = %s "
        f"ORDER BY {target.quote('id')} DESC LIMIT {limit:d}",
        (pipeline,),
    )
    return [dict(zip(QUARANTINE_SHOWN, row, strict=True)) for row in found]
