"""What the pipeline needs of a target, whatever its engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cdc_agent.mapping.writes import Binding, TargetTable, Write
from cdc_agent.values import Row


@dataclass(frozen=True, slots=True)
class Upserts:
    """Set-based: full rows, at most one for each key; each is inserted, or replaces the row of the same key."""

    binding: Binding
    rows: Sequence[Row]
    fresh: bool = False
    """True when the source inserted all of them in this batch, so that most will not exist on the target."""


@dataclass(frozen=True, slots=True)
class Updates:
    """Set-based: partial rows, at most one for each key, all with the same columns sent; the key does not move.

    `columns` are the indexes into `binding.columns` that are sent (they include the key's); `rows` hold just those.
    """

    binding: Binding
    columns: tuple[int, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Removes:
    """Set-based: keys, each at most once; a missing row is no error."""

    binding: Binding
    keys: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Ordered:
    """Writes that must be applied one by one in their order: moved keys, keyless tables, interacting unique keys."""

    binding: Binding
    writes: Sequence[Write]


@dataclass(frozen=True, slots=True)
class Clear:
    """TRUNCATE of the target tables together."""

    tables: tuple[TargetTable, ...]
    cascade: bool = False
    restart_identity: bool = False


@dataclass(frozen=True, slots=True)
class Cascade:
    """What foreign keys of the source did to the children of rows that were removed or moved (`binding.links`)."""

    binding: Binding
    """The parent's."""
    keys: Sequence[tuple[Row, Row | None]]
    """(old key, new key); None for a row that was removed."""


Step: TypeAlias = "Upserts | Updates | Removes | Ordered | Clear | Cascade"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One row of `cdc_agent.checkpoint`: what the target durably holds for one pipeline."""

    pipeline: str
    source: str
    """Name of the source database."""
    path: tuple[str, ...]
    """The databases that the transaction which wrote this version of the row came through, the source last."""
    generation: int
    position: str
    """Text form of `positions.Position`."""
    source_identity: str
    source_commit_time: float | None
    """Seconds since the epoch, of the last transaction applied."""
    transactions: int
    changes: int
    echoes: int
    quarantined: int
    host: str
    """Host and process id of the agent that holds the generation."""


Missing: TypeAlias = Callable[[Binding, Row], "Row | None"]
"""The full target row for a partial one whose target row is missing, by its key; None when the source has none."""


class Target(Protocol):
    """One pipeline's writing end; used by the applier thread alone. Raises `errors` only, never a driver's error."""

    def connect(self) -> None:
        """Connect, set up the session (UTC, strict, no triggers where granted). Raises Retryable when unreachable."""

    def describe(self, schema: str, name: str) -> TargetTable | None:
        """The table as the catalogue has it now; None when there is none. Cached until `forget`."""

    def forget(self) -> None:
        """Drop cached descriptions and prepared statements, after a schema change or a reconnect."""

    def checkpoint(self, pipeline: str) -> Checkpoint | None:
        """Read the pipeline's row. Raises NotSetUp when there is no cdc_agent schema."""

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        """Raise the generation by one in a transaction of its own, and return the row. Raises NotSetUp."""

    def begin(self, checkpoint: Checkpoint) -> None:
        """Open a transaction whose first statement writes `checkpoint` by compare-and-set on its generation.

        Leaves the echo marker as well (the row; on PostgreSQL also a logical message). Raises TakenOver, naming the
        other agent, when the generation has moved; a target that sends this together with what follows raises it
        from the next method that waits for the server, and never commits before it is known.
        """

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        """Apply the steps in order inside the open transaction.

        Raises `errors.RowRefused` when the server refuses a row; the transaction is then unusable until `rollback`
        (or, inside `attempt`, until its savepoint is rolled back).
        """

    def attempt(self, steps: Sequence[Step], missing: Missing) -> Exception | None:
        """`apply` inside a savepoint: None when it worked, else the RowRefused, the savepoint rolled back."""

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        """Insert rows into `cdc_agent.quarantine` inside the open transaction."""

    def finish(self, checkpoint: Checkpoint) -> None:
        """Before a chunked transaction's commit: write the checkpoint's final position and counts."""

    def commit(self, history: Checkpoint | None = None) -> None:
        """Commit, first adding a line to `cdc_agent.checkpoint_history` when asked to.

        Raises `errors.OutcomeUnknown` when the connection broke after COMMIT was sent.
        """

    def rollback(self) -> None:
        """Roll back what is open; never raises for a connection that is gone."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One row for `cdc_agent.quarantine`."""

    source_table: str
    target_table: str
    operation: str
    """insert, update or delete"""
    row: str
    """JSON object: source column → canonical text, null, or absent when unsent."""
    column: str | None
    reason: str
    code: str
    position: str
    source_commit_time: float | None
