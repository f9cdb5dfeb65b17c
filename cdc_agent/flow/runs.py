"""A run: neighbouring rows of one table version, of one transaction or several, decoded and mapped at one go.

In: undecoded rows with the transactions that they came in. Out: messages, changes, and the transaction behind each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from cdc_agent.model.changes import Change, Rows, Table, Transaction
from cdc_agent.model.values import Row
from cdc_agent.model.writes import Plan, Provenance, Rejection, Write, Writes


@dataclass(slots=True)
class Run:
    """The rows of `parts`, in their order; all of them go through the same plans."""

    table: Table
    plans: Sequence[Plan]
    parts: list[tuple[Transaction, Rows]]
    joins: bool
    """Whether a later transaction's rows may join: not behind a filter, which may leave nothing of them."""
    _ends: list[int] = field(default_factory=list)

    def messages(self) -> list[bytes]:
        """What the log sent."""
        if len(self.parts) == 1:
            return self.parts[0][1].messages
        return [message for _, rows in self.parts for message in rows.messages]

    def changes(self) -> list[Change]:
        """What the messages say. Raises `errors.DecodeError`."""
        return self.table.decode(self.messages())

    def writes(self, plan: Plan, changes: Sequence[Change], rejections: list[Rejection]) -> Writes:
        """What a plan makes of the run's changes, with their before-images where it gives some."""
        if plan.before is None:
            return Writes(plan.binding, plan.map(changes, rejections), self.provenance)
        rows: list[Write] = []
        images: list[Row | None] = []
        for change, image in zip(changes, plan.before(changes), strict=True):
            made = plan.map([change], rejections)
            rows += made
            images += [image] * len(made)
        return Writes(plan.binding, rows, self.provenance, images)

    def provenance(self, index: int) -> Provenance:
        """The transaction of a plan's write number `index`. The rows of transactions are counted when it is asked.

        Several transactions are in one run only where each change makes one write (`joins`).
        """
        if len(self.parts) == 1:
            return provenance(self.parts[0][0])
        if not self._ends:
            counts = (len(self.table.decode(rows.messages)) for _, rows in self.parts)
            self._ends = list(accumulate(counts))
        return provenance(self.parts[bisect_right(self._ends, index)][0])


def provenance(transaction: Transaction) -> Provenance:
    """Where a transaction's rows come from."""
    return Provenance(transaction.position, transaction.commit_time, transaction.path)
