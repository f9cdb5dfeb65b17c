"""A server's tables as its catalogue has them, asked about many at one go and once.

In: an `Admin` and the names that will be asked for. Out: descriptions, as the checks want them. A command of a moment
holds it; what changes meanwhile is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, Final, TypeVar, cast

from cdc_agent.engines.admin import Admin, OldRows
from cdc_agent.model.changes import TableName
from cdc_agent.model.tables import TargetTable

T = TypeVar("T")
TOGETHER: Final = 40
"""So many tables are looked into by one statement."""


class Pictures:
    """Used by one thread."""

    def __init__(self, server: Admin) -> None:
        self._server = server
        self._wanted: list[TableName] = []
        self._tables: dict[TableName, TargetTable | None] = {}
        self._old_rows: dict[TableName, OldRows] = {}
        self._triggers: dict[TableName, list[str]] = {}
        self._answers: dict[str, Any] = {}

    def foresee(self, names: Iterable[TableName]) -> None:
        """These tables will be asked for."""
        self._wanted += [name for name in names if name not in self._tables]

    def describe(self, schema: str, name: str) -> TargetTable | None:
        """The table; None when there is none. What is not found among many may be spelled in another case."""
        if (schema, name) not in self._tables:
            names = list(dict.fromkeys([*self._wanted, (schema, name)]))
            found = self._server.describe_all(names)
            self._tables.update({one: found.get(one) or self._server.describe(*one) for one in names})
            self._wanted = []
        return self._tables[schema, name]

    def old_rows(self, table: TableName) -> OldRows:
        """What the table's log will send of old rows."""
        if table not in self._old_rows:
            self._old_rows.update(self._server.identities(self._known(self._old_rows)))
        return self._old_rows[table]

    def triggers(self, table: TableName) -> list[str]:
        """The names of its triggers that are on."""
        if table not in self._triggers:
            names = self._known(self._triggers)
            found = self._server.triggers(names)
            self._triggers.update({name: found.get(name, []) for name in names})
        return self._triggers.get(table, [])

    def filled(self, names: Sequence[TableName]) -> set[TableName]:
        """Those of the tables that hold a row."""
        found: set[TableName] = set()
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            asked = ", ".join(f"EXISTS (SELECT 1 FROM {self._server.quote(*name)})" for name in some)
            (answers,) = self._server.rows(f"SELECT {asked}")
            found.update(name for name, answer in zip(some, answers, strict=True) if answer)
        return found

    def once(self, what: str, ask: Callable[[], T]) -> T:
        """The answer to a question of that name, asked the first time."""
        if what not in self._answers:
            self._answers[what] = ask()
        return cast(T, self._answers[what])

    def _known(self, but: Container[TableName]) -> list[TableName]:
        """The tables that there are, but for these."""
        return [name for name, table in self._tables.items() if table is not None and name not in but]
