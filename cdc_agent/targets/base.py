"""What the pipeline needs of a target, whatever its engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from cdc_agent.errors import RowRefused
from cdc_agent.model.changes import TableName
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note
from cdc_agent.model.steps import Step
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.values import Row
from cdc_agent.model.writes import Binding

Missing: TypeAlias = Callable[[Binding, Row], "Row | None"]
"""The full target row for a partial one whose target row is missing, by its key; None when the source has none."""


class Target(Protocol):
    """One pipeline's writing end; used by the applier thread alone. Raises `errors` only, never a driver's error."""

    def connect(self) -> None:
        """Connect, set up the session (UTC, strict, no triggers where granted). Raises Retryable when unreachable."""

    def unsure(self) -> str | None:
        """The server's setting for which an answered commit may be lost in a crash; None: what is answered stays."""

    def describe(self, schema: str, name: str) -> TargetTable | None:
        """The table as the catalogue has it now; None when there is none. Cached until `forget`."""

    def foresee(self, names: Sequence[TableName]) -> None:
        """These tables are about to be described and written: read what is not known of them at one go."""

    def forget(self) -> None:
        """Drop cached descriptions and prepared statements, after a schema change or a reconnect."""

    def checkpoint(self, pipeline: str, *, settled: bool = False) -> Checkpoint | None:
        """Read the pipeline's row.

        With `settled` under the row's lock, so after every transaction that has written it already: the server may
        still be at work on a COMMIT whose answer was lost. Raises TransactionAborted when that takes too long,
        NotSetUp when there is no cdc_agent schema, TablesOutdated or TablesTooNew when its tables are not of this
        program's version, PositionUnreadable when the row is damaged.
        """

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        """Raise the generation by one in a transaction of its own, and return the row.

        Raises NotSetUp and what `checkpoint` raises.
        """

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

    def attempt(self, steps: Sequence[Step], missing: Missing) -> RowRefused | None:
        """`apply` inside a savepoint: None when it worked, else the RowRefused, the savepoint rolled back."""

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        """Insert rows into `cdc_agent.quarantine` inside the open transaction."""

    def recall(self, pipeline: str) -> Memory:
        """All that is remembered of the pipeline's tables. Outside a transaction; raises what `checkpoint` raises."""

    def remember(self, pipeline: str, notes: Sequence[Note]) -> None:
        """Write into `cdc_agent.schema` and `cdc_agent.table_state` inside the open transaction."""

    def alter(self, statement: str) -> None:
        """Run a change of a table's schema outside a transaction; a server may do it in steps of its own.

        Cached descriptions are dropped. Raises PrivilegeMissing, TransactionAborted when a lock was not to be had.
        """

    def finish(self, checkpoint: Checkpoint) -> None:
        """Before a chunked transaction's commit: write the checkpoint's final position and counts."""

    def commit(self, history: Checkpoint | None = None) -> None:
        """Commit, first adding a line to `cdc_agent.checkpoint_history` when asked to.

        Raises `errors.OutcomeUnknown` when the connection broke after COMMIT was sent.
        """

    def rollback(self) -> None:
        """Roll back what is open; never raises for a connection that is gone."""

    def close(self) -> None: ...
