"""Rows that the source has just inserted, loaded into their table itself: half of what a merge by staging costs.

In: rows of one binding, inside an open transaction. Out: whether they are in the table. LOAD DATA LOCAL turns errors
into warnings, leaves out rows that clash and bends values that do not fit; so a savepoint stands before it, and
anything but as many rows as were sent, without a warning, goes back to the savepoint. The caller then takes the careful
way, which says what is wrong.

Never loads where a row could differ from the same INSERT's without a warning, or could not be taken back: into a
table whose key the server does not keep unique, that has no transactions, that has a trigger, or in which the server
would fill in a column that the route leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc_agent.errors import RowRefused
from cdc_agent.model.values import Row
from cdc_agent.targets.mysql.statements import Statements
from cdc_agent.targets.mysql.wire import Wire

CLASH_PAUSE: Final = 64
"""Batches that are merged at once after a fresh row was found to be there already."""
_SAVEPOINT: Final = "`cdc_agent_load`"
_ORDINARY: Final = """
    SELECT COUNT(*) FROM information_schema.TABLES AS t
    WHERE t.TABLE_SCHEMA = %s AND t.TABLE_NAME = %s AND t.TABLE_TYPE = 'BASE TABLE' AND t.ENGINE = 'InnoDB'
      AND NOT EXISTS (SELECT 1 FROM information_schema.TRIGGERS AS g
                      WHERE g.EVENT_OBJECT_SCHEMA = t.TABLE_SCHEMA AND g.EVENT_OBJECT_TABLE = t.TABLE_NAME)
"""
"""The server shows triggers to users with the TRIGGER privilege only; one that is not seen fires as at an INSERT."""


class Straight:
    """The straight way of one session."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._ordinary: dict[Statements, bool] = {}
        self._merges: dict[Statements, int] = {}
        """Batches for which it is not tried."""

    def forget(self) -> None:
        """Forget what was read of tables that may have changed."""
        self._ordinary.clear()
        self._merges.clear()

    def load(self, to: Statements, rows: Sequence[Row]) -> bool:
        """Load the rows; False, with none of them in the table, when that is not the same as an upsert of each."""
        if not (self._wire.can_load and to.may_load and self._is_ordinary(to)):
            return False
        if self._merges.get(to, 0):
            self._merges[to] -= 1
            return False
        self._wire.run(f"SAVEPOINT {_SAVEPOINT}", "setting a savepoint")
        if self._loaded(to, rows) == len(rows):
            return True
        self._wire.run(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}", "rolling back to a savepoint")
        self._merges[to] = CLASH_PAUSE
        return False

    def _loaded(self, to: Statements, rows: Sequence[Row]) -> int:
        try:
            return self._wire.load(to.load, to.lines(rows), f"writing to {to.label}")
        except RowRefused:
            return -1

    def _is_ordinary(self, to: Statements) -> bool:
        found = self._ordinary.get(to)
        if found is None:
            table = to.binding.table
            ((count,),) = self._wire.select(_ORDINARY, table.full_name, f"reading the catalogue for {to.label}")
            found = self._ordinary[to] = bool(count)
        return found
