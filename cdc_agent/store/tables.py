"""The tables that an agent keeps on every target, as data: their columns, and what is written to and read from them.

In PostgreSQL they live in the schema ``cdc_agent``, in MySQL and MariaDB in the database ``cdc_agent``:

- ``checkpoint``: one row for each pipeline; written first in every apply transaction, and so the echo marker too;
- ``checkpoint_history``: earlier checkpoints, for replay;
- ``quarantine``: refused rows with their reason;
- ``schema_version``: one row, the version of these tables.

Nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, Final

from cdc_agent.errors import TakenOver
from cdc_agent.model import echo
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.refusals import Quarantined

TABLES: Final = ("checkpoint", "checkpoint_history", "quarantine", "schema_version")

HISTORY_DAYS: Final = 7
"""Earlier checkpoints are kept this long; replay reaches no further back."""

CHECKPOINT_COLUMNS: Final = (
    "pipeline",
    "source",
    "path",
    "generation",
    "position",
    "source_identity",
    "source_commit_time",
    "transactions",
    "changes",
    "echoes",
    "quarantined",
    "host",
    "mark",
)
"""The columns that `checkpoint_values` fills; ``started_at`` and ``updated_at`` are the server's own clock."""

HISTORY_COLUMNS: Final = (
    "pipeline",
    "generation",
    "position",
    "source_commit_time",
    "transactions",
    "changes",
)

QUARANTINE_COLUMNS: Final = (
    "pipeline",
    "source_table",
    "target_table",
    "operation",
    "row_data",
    "column_name",
    "reason",
    "code",
    "position",
    "source_commit_time",
)

QUARANTINE_STATES: Final = ("waiting", "released", "discarded")


def checkpoint_values(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """The values of `CHECKPOINT_COLUMNS`, with the mark that tells a genuine write."""
    path = echo.path_text(checkpoint.path)
    return (
        checkpoint.pipeline,
        checkpoint.source,
        path,
        checkpoint.generation,
        checkpoint.position,
        checkpoint.source_identity,
        checkpoint.source_commit_time,
        checkpoint.transactions,
        checkpoint.changes,
        checkpoint.echoes,
        checkpoint.quarantined,
        checkpoint.host,
        echo.mark(checkpoint.pipeline, checkpoint.generation, checkpoint.transactions, checkpoint.position, path),
    )


def history_values(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """The values of `HISTORY_COLUMNS`."""
    return (
        checkpoint.pipeline,
        checkpoint.generation,
        checkpoint.position,
        checkpoint.source_commit_time,
        checkpoint.transactions,
        checkpoint.changes,
    )


def quarantine_values(pipeline: str, entry: Quarantined) -> tuple[Any, ...]:
    """The values of `QUARANTINE_COLUMNS`."""
    return (
        pipeline,
        entry.source_table,
        entry.target_table,
        entry.operation,
        entry.row,
        entry.column,
        entry.reason,
        entry.code,
        entry.position,
        entry.source_commit_time,
    )


def read_checkpoint(row: tuple[Any, ...]) -> Checkpoint:
    """The checkpoint of a row whose columns are `CHECKPOINT_COLUMNS`. ValueError when its path is damaged."""
    (
        pipeline, source, path, generation, position, identity, commit_time,
        transactions, changes, echoes, quarantined, host, _,
    ) = row  # fmt: skip
    return Checkpoint(
        pipeline=pipeline,
        source=source,
        path=echo.read_path(path),
        generation=generation,
        position=position,
        source_identity=identity,
        source_commit_time=commit_time,
        transactions=transactions,
        changes=changes,
        echoes=echoes,
        quarantined=quarantined,
        host=host,
    )


def taken_over(pipeline: str, expected: int, found: Holder | None) -> TakenOver:
    """The error of a compare-and-set that met another generation, or no row at all."""
    if found is None:
        return TakenOver(
            f"the checkpoint of pipeline {pipeline} was removed",
            hint="cdc-agent setup makes a new one; what was committed since is not replicated",
        )
    who = f"host {found.host}, since {found.since}" if found.since else f"host {found.host}"
    return TakenOver(
        f"another agent took over pipeline {pipeline}",
        details=[f"expected generation {expected}, found {found.generation} ({who})"],
    )
