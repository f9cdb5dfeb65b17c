"""Which tables the log speaks of, and what they are to the pipeline: wanted, the agent's own, or neither.

In: the bodies of table maps. Out: for each the table's use, and the table version where its rows are of use. A table
map that has been seen before costs one look-up. Nothing here does I/O but the `TableMaps` that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, TypeAlias

from cdc_agent.model import echo
from cdc_agent.model.changes import Table, TableName
from cdc_agent.sources.mysql.rows import TableMaps

UNWANTED: Final = 0
OWN: Final = 1
WANTED: Final = 2
_KNOWN_MAPS: Final = 10_000

_SEQUENCE: Final = [
    "next_not_cached_value", "minimum_value", "maximum_value", "start_value", "increment", "cache_size",
    "cycle_option", "cycle_count",
]  # fmt: skip

Known: TypeAlias = "tuple[int, int, Table | None]"
"""(table id, use, the table unless it is unwanted)."""


class KnownTables:
    """The table maps of one log, and those of the transaction that is being read."""

    __slots__ = ("_left_out", "_lower_case", "_maps", "_wanted", "_without_keys", "by_id", "by_map", "schemas")

    def __init__(
        self,
        maps: TableMaps,
        wanted: Callable[[TableName], bool],
        left_out: Collection[TableName] = (),
        *,
        lower_case: bool,
    ) -> None:
        """`lower_case`: the server's names are; statements have them as they were written."""
        self._maps = maps
        self._lower_case = lower_case
        self._without_keys: dict[Table, Table] = {}
        self._wanted = wanted
        self._left_out = set(left_out)
        self.by_map: dict[bytes, Known] = {}
        """By a table map's body; `define` adds to it."""
        self.by_id: dict[int, tuple[int, Table | None]] = {}
        """(use, table) by the id that row events name, in the transaction that is being read."""
        self.schemas: set[str] = set()
        """Those that held a wanted table."""

    def wanted(self, table: TableName) -> bool:
        """Whether a route takes the table and nothing speaks against it."""
        return self._wanted(table) and table not in self._left_out

    def leave_out(self, table: TableName) -> None:
        """From here on it is not wanted."""
        self._left_out.add(table)
        self.by_map.clear()

    def define(self, body: bytes) -> Known:
        """A table map that `by_map` does not hold. Raises what describing a wanted table raises."""
        found = self._maps.define(body)
        name = (found.schema, found.name)
        use = OWN if found.schema == echo.SCHEMA else WANTED if self.wanted(name) else UNWANTED
        if len(self.by_map) >= _KNOWN_MAPS:
            self.by_map.clear()
        if use == WANTED:
            self.schemas.add(found.schema)
        table = found.table() if use else None
        if use == WANTED and table is not None and _is_sequence(table):
            use, table = UNWANTED, None
        known = (found.table_id, use, table)
        self.by_map[body] = known
        return known

    def without_keys(self, table: Table) -> Table:
        """The version of a table for rows on which foreign keys did nothing that the log leaves out."""
        found = self._without_keys.get(table)
        if found is None:
            found = self._without_keys[table] = replace(table, keys_act=False)
        return found

    def cased(self, table: TableName) -> TableName:
        """A name out of a statement, as table maps have it."""
        return (table[0].lower(), table[1].lower()) if self._lower_case else table

    def forget(self) -> None:
        """Table ids start anew with a restarted server, and so with another file."""
        self.by_id.clear()
        self.by_map.clear()


def _is_sequence(table: Table) -> bool:
    """MariaDB logs a sequence as a table of one row: https://mariadb.com/kb/en/sequence-overview/"""
    return [column.name for column in table.columns] == _SEQUENCE
