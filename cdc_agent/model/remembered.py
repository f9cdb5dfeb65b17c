"""What the store remembers of the tables of a pipeline: how they were at the checkpoint, and how each of them stands.

Written in the transaction of the rows and the checkpoint that it belongs to, and read when a session starts.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cdc_agent.model.changes import TableName

NO_TABLE: Final[TableName] = ("", "")


class Aspect(enum.StrEnum):
    """What a description is about."""

    TABLES = "tables"
    """A route's source table and its target table, as they were when their rows were written."""
    KEYS = "keys"
    """The foreign keys in force on the source."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """One description, which takes the place of the one before it."""

    aspect: Aspect
    source: TableName
    target: TableName = NO_TABLE
    """Where it is about a route."""
    description: str = ""
    """Text in a form of its owner's; '' forgets what was there."""


class Condition(enum.StrEnum):
    """How a routed table stands."""

    STREAMING = "streaming"
    DIFFERING = "differing"
    """Its rows are known to differ from the source's until somebody reconciles them."""
    ALTERING = "altering"
    """A change of the target's table was begun, and is not known to be done."""
    WAITING = "waiting"
    """Nothing behind a change of its schema is applied until the target has followed, or a person accepts it."""


@dataclass(frozen=True, slots=True)
class TableState:
    """How one route's tables stand, and why."""

    source: TableName
    target: TableName
    condition: Condition
    code: str = ""
    reason: str = ""
    statement: str = ""
    """The DDL for the target that would mend it."""
    pending: str = ""
    """Of a table that waits: the description that `accept` would take as known."""
    since: str = ""
    """When it came to stand so, in UTC; filled by the server."""


Note: TypeAlias = "Remembered | TableState"


@dataclass(frozen=True, slots=True)
class Memory:
    """All that is remembered of a pipeline."""

    known: Sequence[Remembered] = ()
    states: Sequence[TableState] = ()
