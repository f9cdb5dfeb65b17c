"""The tables that an agent keeps on every target, as data: their columns, and what is written to and read from them.

In PostgreSQL they live in the schema ``cdc_agent``, in MySQL and MariaDB in the database ``cdc_agent``:

- ``checkpoint``: one row for each pipeline; written first in every apply transaction, and so the echo marker too;
- ``checkpoint_history``: earlier checkpoints, for replay;
- ``quarantine``: refused changes with their reason, their images and keys before and after;
- ``schema``: the tables of each route and the source's keys, as they were at the checkpoint;
- ``table_state``: how each routed table stands, and why;
- ``audit``: what persons did to a running system, each line with the digest of the one before;
- ``schema_version``: one row for each version that these tables have reached.

Nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, Final

from cdc_agent.errors import PositionUnreadable, TablesOutdated, TablesTooNew, TakenOver
from cdc_agent.model import echo
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Aspect, Condition, Remembered, TableState

VERSION: Final = 3
"""The version of the tables that this program reads and writes."""

HISTORY_DAYS: Final = 7
"""Earlier checkpoints are kept this long, those with a label until teardown; replay reaches no further back."""

PRUNED_AT_ONCE: Final = 1000
"""Lines of history that one commit may remove, so that many old ones never hold up the rows that commit with them."""

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
    "source_identity",
)
"""The columns that `history_values` fills; a ``label`` is given later."""

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
    "old_row",
    "new_row",
    "old_key",
    "new_key",
)
"""The columns that `quarantine_values` fills; ``row_data`` is the newest image that is known."""

SCHEMA_KEY: Final = ("pipeline", "aspect", "source_schema", "source_table", "target_schema", "target_table")
SCHEMA_COLUMNS: Final = (*SCHEMA_KEY, "description")
"""The columns that `schema_values` fills."""

STATE_KEY: Final = ("pipeline", "source_schema", "source_table", "target_schema", "target_table")
STATE_COLUMNS: Final = (*STATE_KEY, "state", "code", "reason", "statement", "pending")
"""The columns that `state_values` fills; ``since`` is the server's own clock."""

AUDIT_COLUMNS: Final = ("actor", "act", "pipeline", "subject", "details", "digest")

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
        checkpoint.source_identity,
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
        entry.old_row,
        entry.new_row,
        entry.old_key,
        entry.new_key,
    )


def schema_values(pipeline: str, entry: Remembered) -> tuple[str, ...]:
    """The values of `SCHEMA_COLUMNS`."""
    return (pipeline, entry.aspect.value, *entry.source, *entry.target, entry.description)


def state_values(pipeline: str, state: TableState) -> tuple[str, ...]:
    """The values of `STATE_COLUMNS`."""
    told = (state.condition.value, state.code, state.reason, state.statement, state.pending)
    return (pipeline, *state.source, *state.target, *told)


def remembered(row: tuple[Any, ...]) -> Remembered:
    """One row of ``schema``, without its pipeline."""
    aspect, source_schema, source_table, target_schema, target_table, description = row
    return Remembered(Aspect(aspect), (source_schema, source_table), (target_schema, target_table), description)


def table_state(row: tuple[Any, ...]) -> TableState:
    """One row of ``table_state``, without its pipeline and with its time as text."""
    source_schema, source_table, target_schema, target_table, state, *told = row
    return TableState((source_schema, source_table), (target_schema, target_table), Condition(state), *told)


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


def claimed(row: tuple[Any, ...], where: str) -> Checkpoint:
    """The checkpoint of a row that the engines' ``READ`` found; `where` is the target's name.

    Raises TablesOutdated, TablesTooNew, PositionUnreadable.
    """
    *values, version = row
    require(version or 0, where)
    try:
        return read_checkpoint(tuple(values))
    except ValueError as error:
        raise PositionUnreadable(f"the checkpoint of pipeline {row[0]} on {where} is damaged") from error


def require(version: int, where: str = "") -> None:
    """Raise TablesOutdated or TablesTooNew unless the tables (on the target `where`) have this program's version."""
    told = mismatch(version, where)
    if version < VERSION:
        raise TablesOutdated(told)
    if version > VERSION:
        raise TablesTooNew(told)


def mismatch(version: int, where: str = "") -> str:
    """How the tables' version and the program's differ, in words."""
    place = f" on {where}" if where else ""
    return f"the tables of cdc_agent{place} have version {version}, this program's have version {VERSION}"


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
