"""Rows of which the log sent too little are read again from the source, and mapped again.

In: changes whose plan rejected them for an unsent column, and partial rows whose target row is missing. Out: the
writes or rejections that the whole row gives. What the log sent stays: only UNSENT columns are filled. A row that is
newer than its change is no harm, since the change that made it newer is still to come; one that is gone is removed by
a change to come as well.

Reads through the one function that it is given, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cdc_agent.flow.runs import Run, provenance
from cdc_agent.mapping.plans import UNSENT_CODE
from cdc_agent.model.changes import INSERT, Change, Table, Transaction
from cdc_agent.model.refusals import RejectedChange
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import Binding, Plan, Rejection, Write, Writes, constant

Reread = Callable[[Table, Mapping[str, Value]], "Row | None"]
"""(table, key) → the source row as it is now, or None."""


def mend(run: Run, plan: Plan, reread: Reread) -> Iterator[Writes | RejectedChange]:
    """Map a run again, one change at a time, reading again the rows of which the log sent too little."""
    for transaction, rows in run.parts:
        at = provenance(transaction)
        for change in run.table.decode(rows.messages):
            rejections: list[Rejection] = []
            writes = _mapped(plan, run.table, change, reread, rejections)
            if writes:
                yield Writes(plan.binding, writes, constant(at))
            for rejection in rejections:
                yield RejectedChange.of(run.table, plan.binding, rejection, at)


def _mapped(plan: Plan, table: Table, change: Change, reread: Reread, rejections: list[Rejection]) -> list[Write]:
    writes = plan.map([change], rejections)
    if not rejections or rejections[0].code != UNSENT_CODE:
        return writes
    rejections.clear()
    whole = reread_change(table, change, reread)
    return plan.map([whole], rejections) if whole is not None else []


def reread_change(table: Table, change: Change, reread: Reread) -> Change | None:
    """The change with its new row completed from the source as it is now; None when the row is gone."""
    operation, old, new = change
    known = new if new is not None else old
    if known is None or not table.key:
        return None
    key = {table.columns[i].name: known[i] for i in table.key}
    row = reread(table, key)
    if row is None:
        return None
    filled = tuple([now if sent is UNSENT else sent for sent, now in zip(known, row, strict=True)])
    return (operation, old, filled) if new is not None else (operation, filled, None)


class Completion:
    """The `Missing` of a batch: finds the change behind a partial row, and reads its source row again."""

    def __init__(self, runs: Sequence[Run], reread: Reread) -> None:
        self._runs = runs
        self._reread = reread
        self._index: dict[Binding, dict[Row, tuple[Plan, Table, Change, Transaction]]] = {}

    def __call__(self, binding: Binding, key: Row) -> Row | None:
        """The whole target row for a partial one whose target row is missing; None when the source has none."""
        if not self._index:
            self._fill_index()
        found = self._index.get(binding, {}).get(key)
        return None if found is None else self._whole_row(*found)

    def _fill_index(self) -> None:
        """Every change of the batch under the keys that its target row has before and after it."""
        for run in self._runs:
            for transaction, rows in run.parts:
                for change in run.table.decode(rows.messages):
                    for plan in run.plans:
                        keys = self._index.setdefault(plan.binding, {})
                        for write in plan.map([change], []):
                            for key in _keys(plan.binding, write):
                                keys[key] = (plan, run.table, change, transaction)

    def _whole_row(self, plan: Plan, table: Table, change: Change, transaction: Transaction) -> Row | None:
        whole = reread_change(table, change, self._reread)
        if whole is None or whole[2] is None:
            return None
        writes = plan.map([(INSERT, None, whole[2])], [])
        return writes[0][2] if writes else None


def _keys(binding: Binding, write: Write) -> Iterator[Row]:
    _, key, row = write
    yield key
    if row is not None:
        yield tuple([row[i] for i in binding.key])
