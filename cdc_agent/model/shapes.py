"""Tables as a person declared them: beside columns and keys also defaults and indexes, so that they can be made again.

Values only: a catalogue fills them, `engines.ddl` makes statements of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdc_agent.model.tables import TargetTable


@dataclass(frozen=True, slots=True)
class Default:
    """What a column holds when an insert does not name it."""

    text: str
    """As its engine spells it."""
    value: str | None = None
    """The text of a constant; None for everything else."""
    now: bool = False
    """The time of the statement or of its transaction."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index of whole columns, or of prefixes of them, over all rows; the primary key is none."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    prefixes: Mapping[str, int] = field(default_factory=dict)
    """Column → characters or bytes of it, where it is not indexed whole."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A table and what its rows do not show."""

    table: TargetTable
    defaults: Mapping[str, Default] = field(default_factory=dict)
    indexes: tuple[Index, ...] = ()
    identity: tuple[str, ...] = ()
    """The key by which the log knows rows, where that is not the primary key."""
    untold: tuple[str, ...] = ()
    """Parts that have no words here, each named as a person would: ``index by_name (over an expression)``."""
    logged: bool = True
    """False for a table whose changes reach no log (UNLOGGED)."""
