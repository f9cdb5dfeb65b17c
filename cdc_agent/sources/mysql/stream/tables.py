"""Which tables the log speaks of, and what they are to the pipeline: wanted, the agent's own, or neither.

In: the bodies of table maps. Out: for each the table's use, and the table version where its rows are of use. A table
map that has been seen before costs one look-up. Nothing here does I/O but the `TableMaps` that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from cdc_agent.model import echo
from cdc_agent.model.changes import Table, TableName
from cdc_agent.sources.mysql.rows import TableMaps

UNWANTED: Final = 0
OWN: Final = 1
WANTED: Final = 2
_KNOWN_MAPS: Final = 10_000

Known: TypeAlias = "tuple[int, int, Table | None]"
"""(table id, use, the table unless it is unwanted)."""


class KnownTables:
    """The table maps of one log, and those of the transaction that is being read."""

    __slots__ = ("_lower_case", "_maps", "_without_keys", "by_id", "by_map", "schemas", "wanted")

    def __init__(self, maps: TableMaps, wanted: Callable[[TableName], bool], *, lower_case: bool) -> None:
        """`lower_case`: the server's names are; statements have them as they were written."""
        self._maps = maps
        self._lower_case = lower_case
        self._without_keys: dict[Table, Table] = {}
        self.wanted = wanted
        self.by_map: dict[bytes, Known] = {}
        """By a table map's body; `define` adds to it."""
        self.by_id: dict[int, tuple[int, Table | None]] = {}
        """(use, table) by the id that row events name, in the transaction that is being read."""
        self.schemas: set[str] = set()
        """Those that held a wanted table."""

    def define(self, body: bytes) -> Known:
        """A table map that `by_map` does not hold. Raises what describing a wanted table raises."""
        found = self._maps.define(body)
        name = (found.schema, found.name)
        use = OWN if found.schema == echo.SCHEMA else WANTED if self.wanted(name) else UNWANTED
        if len(self.by_map) >= _KNOWN_MAPS:
            self.by_map.clear()
        if use == WANTED:
            self.schemas.add(found.schema)
        known = (found.table_id, use, found.table() if use else None)
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
