"""What a target applies: set-based or ordered steps, made of writes by batching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cdc_agent.model.tables import TargetTable
from cdc_agent.model.values import Row
from cdc_agent.model.writes import Binding, Write


@dataclass(frozen=True, slots=True)
class Upserts:
    """Set-based: full rows, at most one for each key; each is inserted, or replaces the row of the same key."""

    binding: Binding
    rows: Sequence[Row]
    fresh: bool = False
    """True when the source inserted all of them in this batch, so that most will not exist on the target."""


@dataclass(frozen=True, slots=True)
class Updates:
    """Set-based: partial rows, at most one for each key, all with the same columns sent; the key does not move.

    `columns` are the indexes into `binding.columns` that are sent (they include the key's); `rows` hold just those.
    """

    binding: Binding
    columns: tuple[int, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Removes:
    """Set-based: keys, each at most once; a missing row is no error."""

    binding: Binding
    keys: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Ordered:
    """Writes that must be applied one by one in their order: moved keys, keyless tables, interacting unique keys."""

    binding: Binding
    writes: Sequence[Write]


@dataclass(frozen=True, slots=True)
class Clear:
    """TRUNCATE of the target tables together."""

    tables: tuple[TargetTable, ...]
    cascade: bool = False
    restart_identity: bool = False


@dataclass(frozen=True, slots=True)
class Cascade:
    """Rows that leave or change, with what foreign keys of the source did to their children (`binding.links`)."""

    binding: Binding
    """The parent's."""
    writes: Sequence[Write]
    """Removals, or changes of what children refer to."""


Step: TypeAlias = "Upserts | Updates | Removes | Ordered | Clear | Cascade"
