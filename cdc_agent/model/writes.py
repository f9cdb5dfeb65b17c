"""What the mapping hands to a target: rows bound to one target table, in the target's canonical text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cdc_agent.model.changes import Change, Direct
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Row

UPSERT: Final = 1
CHANGE: Final = 2
REMOVE: Final = 3

Write: TypeAlias = "tuple[int, Row, Row | None]"
"""(UPSERT | CHANGE | REMOVE, key, row).

`key` holds the values of `TargetColumns.key` that the target row has *before* this write; `row` the values of
`TargetColumns.columns` after it (UNSENT where the log sent nothing), None for REMOVE.

- UPSERT: an insert on the source: every column is sent; key is the row's own key.
- CHANGE: an update: columns may be UNSENT, and the row's key may differ from `key` (the row moved).
- REMOVE: a delete.

A table without a key has all columns as its key: exactly one equal row is changed or removed.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A route bound to one target table: which of its columns are written, which identify a row."""

    table: TargetTable
    columns: tuple[TargetColumn, ...]
    """The columns that the route writes, in the order of a Write's row."""
    key: tuple[int, ...]
    """Indexes into `columns` of the key; all of them when the table has no key."""
    keyless: bool = False
    links: Mapping[tuple[str, str], tuple[Link, ...]] = field(default_factory=dict)
    """Of every target table the links to its children; empty unless this table has some."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A foreign key whose actions the source's log does not hold, between two target tables."""

    child: Binding
    """The child by the key's columns, which come first and are its key here."""
    referenced: tuple[str, ...]
    """The parent's columns that they refer to."""
    on_delete: str
    on_update: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The child's columns."""
        return tuple(self.child.columns[i].name for i in self.child.key)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A change that did not become a write."""

    change: Change
    column: str | None
    reason: str
    """Without any value: ``too long for character varying(20)``."""
    code: str


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The function compiled for a route and a source table version."""

    binding: Binding
    map: Callable[[Sequence[Change], list[Rejection]], list[Write]]
    """Changes in, writes out in the same order; what cannot be mapped is appended to the second argument.

    Filters are applied here: a change outside the route's `where` gives no write, one that leaves it a REMOVE.
    """
    reads: tuple[int, ...] = field(default=())
    """Indexes of the source columns that the plan needs; an unsent one among them makes the applier re-read the row."""
    filtered: bool = False
    """Whether the route has a `where`, so that a change may give no write."""
    direct: Direct | None = None
    """The source table's decoder and `map` in one, where there is such a function: a write or rejection per change."""
