"""What the mapping hands to a target: rows bound to one target table, in the target's canonical text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Final, TypeAlias

from cdc_agent.model.changes import Change, Direct, TableName
from cdc_agent.model.positions import Position
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
    by_link: bool = False
    """Whether the key is a foreign key's columns, which refer to whatever the table holds equal. All other keys are
    their texts: what a collation holds equal and is not the same is another row's key."""
    links: Mapping[TableName, tuple[Link, ...]] = field(default_factory=dict)
    """Of every target table the links to its children; empty unless this table has some."""
    source: TableName = ("", "")
    """The source table of the route."""
    watched: tuple[int, ...] = ()
    """Indexes into `columns` of what children refer to beside the key, where they follow when it changes."""


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
class Provenance:
    """The source transaction that a write came from."""

    position: Position | None = None
    """Where it ends; None in a part of a large one, which is mapped before its end is read."""
    commit_time: float | None = None
    """Seconds since the Unix epoch."""
    path: tuple[str, ...] = ()
    """The databases that it came through before this source."""


Trace: TypeAlias = Callable[[int], Provenance]
"""The transaction behind a write, by the write's place in its run; worked out when it is asked for."""


def constant(provenance: Provenance) -> Trace:
    """The trace of writes that came from one transaction."""
    return lambda index: provenance


@dataclass(frozen=True, slots=True, eq=False)
class Writes:
    """A run of writes to one target table, in the source's order, of one transaction or several."""

    binding: Binding
    rows: Sequence[Write]
    trace: Trace
    before: Sequence[Row | None] | None = None
    """The mapped before-image of each write, where the route asks for them."""
    first: int = 0
    """The place of the first of `rows` in the trace."""

    def provenance(self, index: int) -> Provenance:
        """The transaction that `rows[index]` came from."""
        return self.trace(self.first + index)

    def part(self, start: int, stop: int) -> Writes:
        """Some of the rows, with what belongs to them."""
        before = None if self.before is None else self.before[start:stop]
        return Writes(self.binding, self.rows[start:stop], self.trace, before, self.first + start)


def join(parts: Sequence[Writes]) -> Writes:
    """Neighbouring runs of one binding as one."""
    if len(parts) == 1:
        return parts[0]
    ends = list(accumulate(len(part.rows) for part in parts))

    def trace(index: int) -> Provenance:
        place = bisect_right(ends, index)
        return parts[place].provenance(index - (ends[place - 1] if place else 0))

    images = [part.before for part in parts if part.before is not None]
    before = list(chain.from_iterable(images)) if images else None
    return Writes(parts[0].binding, list(chain.from_iterable(part.rows for part in parts)), trace, before)


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
    known: Callable[[Row], Row]
    """A source row as the target row that it makes, as far as the log tells: UNSENT where it sent too little."""
    before: Callable[[Sequence[Change]], list[Row | None]] | None = None
    """Where the route asks for before-images: that of each change, None where there is none."""
    reads: tuple[int, ...] = field(default=())
    """Indexes of the source columns that the plan needs; an unsent one among them makes the applier re-read the row."""
    filtered: bool = False
    """Whether the route has a `where`, so that a change may give no write."""
    direct: Direct | None = None
    """The source table's decoder and `map` in one, where there is such a function: a write or rejection per change."""
