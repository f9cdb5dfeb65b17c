"""Tables as a catalogue describes them: columns, keys, foreign keys, and the order that these ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Final

from cdc_agent.model.values import Type

_ACTIONS: Final = frozenset(("CASCADE", "SET NULL", "SET DEFAULT"))


@dataclass(frozen=True, slots=True)
class TargetColumn:
    name: str
    type: Type
    nullable: bool
    has_default: bool
    generated: bool = False
    identity: bool = False
    """GENERATED … AS IDENTITY or AUTO_INCREMENT."""
    touched: bool = False
    """Set to the time of any update that does not write it (MySQL's ON UPDATE CURRENT_TIMESTAMP)."""
    number: int = field(default=0, compare=False)
    """PostgreSQL's own number of the column, which a new name does not change; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    references: tuple[str, str]
    referenced_columns: tuple[str, ...]
    on_delete: str
    """NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT."""
    on_update: str

    @property
    def acts(self) -> bool:
        """Whether the key changes rows by itself."""
        return not _ACTIONS.isdisjoint((self.on_delete, self.on_update))


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A target table as its catalogue describes it."""

    schema: str
    name: str
    columns: tuple[TargetColumn, ...]
    primary_key: tuple[str, ...]
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Unique keys other than the primary key."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    acts: bool = False
    """Whether foreign keys change other rows when one of this table is removed or moved, in the session that described
    it."""
    acted_on: bool = False
    """Whether foreign keys change this table's rows when those that they refer to are removed or moved, likewise."""

    @property
    def full_name(self) -> tuple[str, str]:
        return (self.schema, self.name)

    def column(self, name: str) -> TargetColumn | None:
        return next((column for column in self.columns if column.name == name), None)


def where_keys_act(table: TargetTable, parents: Collection[tuple[str, str]]) -> TargetTable:
    """The table as a session sees it in which foreign keys act; `parents` are the tables that acting ones refer to."""
    acts, acted_on = table.full_name in parents, any(key.acts for key in table.foreign_keys)
    return replace(table, acts=acts, acted_on=acted_on) if acts or acted_on else table


def parents_first(tables: Iterable[TargetTable]) -> list[TargetTable]:
    """The tables in an order in which their foreign keys point backwards, each once.

    A circle is broken at the one of its tables that came first.
    """
    named = {table.full_name: table for table in tables}
    parents = {name: _parents(table, named) for name, table in named.items()}
    while any(parents.values()):
        try:
            return [named[name] for name in TopologicalSorter(parents).static_order()]
        except CycleError as error:
            _break(error.args[1], parents)
    return list(named.values())


def _parents(table: TargetTable, among: dict[tuple[str, str], TargetTable]) -> list[tuple[str, str]]:
    references = (key.references for key in table.foreign_keys)
    return [name for name in references if name in among and name != table.full_name]


def _break(circle: list[tuple[str, str]], parents: dict[tuple[str, str], list[tuple[str, str]]]) -> None:
    """`circle` goes from parent to child, and ends where it begins."""
    first = next(name for name in parents if name in circle)
    above = circle[circle.index(first, 1) - 1]
    parents[first] = [name for name in parents[first] if name != above]
