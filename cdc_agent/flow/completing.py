"""Rows of which the log sent too little are read again from the source, and mapped again.

In: changes whose plan rejected them for an unsent column, and partial rows whose target row is missing. Out: the
writes or rejections that the whole row gives. What the log sent stays: only UNSENT columns are filled. A row that is
newer than its change is no harm, since the change that made it newer is still to come; one that is gone is removed by
a change to come as well, under the key that it then had.

Reads through the one function that it is given, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cdc_agent.flow.runs import Run, provenance
from cdc_agent.mapping.plans import UNSENT_CODE
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Table, Transaction
from cdc_agent.model.refusals import RejectedChange
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.model.writes import CHANGE, Binding, Plan, Rejection, Write, Writes, constant

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
                before = None if plan.before is None else plan.before([change]) * len(writes)
                yield Writes(plan.binding, writes, constant(at), before)
            for rejection in rejections:
                yield RejectedChange.of(run.table, plan.binding, rejection, at)


def _mapped(plan: Plan, table: Table, change: Change, reread: Reread, rejections: list[Rejection]) -> list[Write]:
    writes = plan.map([change], rejections)
    if not rejections or rejections[0].code != UNSENT_CODE:
        return writes
    rejections.clear()
    whole = reread_change(table, change, reread)
    return plan.map([whole], rejections) if whole is not None else _left_behind(plan, change)


def _left_behind(plan: Plan, change: Change) -> list[Write]:
    """What an update leaves to do of a row that the source no longer has.

    What the log sent of it is written. The change that made it go names it by its new key, so that here it must leave
    the old one; it is read again there. Behind a filter it is removed at once: whether it was to stay can no longer be
    told, and where it went its key is read again as well.
    """
    operation, old, new = change
    if operation != UPDATE or new is None:
        return []
    before = new if old is None else old
    removal = plan.map([(DELETE, before, None)], [])
    if plan.filtered or not removal:
        return removal
    after = tuple([was if now is UNSENT else now for was, now in zip(before, new, strict=True)])
    key, row = removal[0][1], plan.known(after)
    new_key = tuple([row[place] for place in plan.binding.key])
    if UNSENT in new_key:
        return removal
    rest = [value for place, value in enumerate(row) if place not in plan.binding.key]
    written = new_key != key or any(value is not UNSENT for value in rest)
    return [(CHANGE, key, row)] if written else []


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
        self._index: dict[Binding, dict[Row, _Behind]] = {}
        self._rejected: dict[tuple[Binding, Row], RejectedChange] = {}

    def __call__(self, binding: Binding, key: Row) -> Row | None:
        """The whole target row for a partial one whose target row is missing; None when the source has none.

        None as well when the mapping rejects it; then it is among `rejected`.
        """
        if not self._index:
            self._fill_index()
        self._rejected.pop((binding, key), None)
        behind = self._index.get(binding, {}).get(key)
        return None if behind is None else self._whole_row(behind, key)

    def rejected(self) -> list[RejectedChange]:
        """The rows that could not be completed, each as it was when it was last asked for."""
        return list(self._rejected.values())

    def _fill_index(self) -> None:
        """Every change of the batch under the keys that its target row has before and after it."""
        for run in self._runs:
            for transaction, rows in run.parts:
                for change in run.table.decode(rows.messages):
                    for plan in run.plans:
                        keys = self._index.setdefault(plan.binding, {})
                        for write in plan.map([change], []):
                            for key in _keys(plan.binding, write):
                                keys[key] = _Behind(plan, run.table, change, transaction)

    def _whole_row(self, behind: _Behind, key: Row) -> Row | None:
        plan, table = behind.plan, behind.table
        whole = reread_change(table, behind.change, self._reread)
        if whole is None or whole[2] is None:
            return None
        rejections: list[Rejection] = []
        writes = plan.map([(INSERT, None, whole[2])], rejections)
        for rejection in rejections:
            kept = RejectedChange.of(
                table, plan.binding, replace(rejection, change=whole), provenance(behind.transaction)
            )
            self._rejected[plan.binding, key] = kept
        return writes[0][2] if writes else None


class _Behind(NamedTuple):
    """The change behind a partial row."""

    plan: Plan
    table: Table
    change: Change
    transaction: Transaction


def _keys(binding: Binding, write: Write) -> Iterator[Row]:
    _, key, row = write
    yield key
    if row is not None:
        yield tuple([row[i] for i in binding.key])
