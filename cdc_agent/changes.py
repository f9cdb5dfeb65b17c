"""The vocabulary of what a log says: tables, changes, transactions.

Rows stay undecoded (`Rows.messages`) until the applier needs them, so that echoes and unrouted tables cost next to
nothing. `Table.decode` turns the messages of one table version into `Change` tuples.

Nothing here does I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from cdc_agent.positions import Position
from cdc_agent.values import Row, Type

INSERT: Final = 1
UPDATE: Final = 2
DELETE: Final = 3

Change: TypeAlias = "tuple[int, Row | None, Row | None]"
"""(INSERT | UPDATE | DELETE, old row, new row): plain tuples, since a busy pipeline makes a million of them.

The old row of an update is None when the log did not send it (PostgreSQL's default replica identity and an unmoved
key). A row of which the log sent only some columns has UNSENT in the others: a key-only old row, an update without
its TOAST columns, a minimal row image.
"""

TableName: TypeAlias = "tuple[str, str]"
"""(schema, table); in MySQL the schema is the database."""


class Identity(enum.Enum):
    """What a log sends to identify the old row of an update or delete."""

    KEY = "key"  # the primary key, or the index named by REPLICA IDENTITY USING INDEX
    FULL = "full"  # the whole old row
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: Type
    nullable: bool = True
    generated: bool = False


class Projection(Protocol):
    """What a plan makes of one row, as Python text for a generated decoder: values in, no `Change` in between."""

    @property
    def reads(self) -> frozenset[int]:
        """The source columns that the target row is made of."""
        ...

    @property
    def key_reads(self) -> frozenset[int]:
        """Those that its key is made of."""
        ...

    @property
    def names(self) -> Mapping[str, Any]:
        """What the text refers to."""
        ...

    def row(self, cells: Mapping[int, str], *, nulls: bool) -> tuple[list[str], str]:
        """Statements, and the expression ``key, row``.

        `cells` holds an expression for each column of `reads`; it may be None when it says so, and when `nulls` is set.
        The statements raise `misfit` for a value that the target cannot hold.
        """
        ...

    def key(self, cells: Mapping[int, str], *, nulls: bool) -> tuple[list[str], str]:
        """As `row`, but for the key alone: ``key``."""
        ...

    @property
    def misfit(self) -> type[Exception]: ...


Plainly: TypeAlias = "Callable[[Sequence[Change], list[Any]], list[tuple[int, Row, Row | None]]]"
Direct: TypeAlias = "Callable[[Sequence[bytes], list[Any]], list[tuple[int, Row, Row | None]]]"
"""Row messages of one table version to writes, what cannot be mapped appended to the second argument."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One version of a source table, as the log described it when the rows that follow were written.

    Compared by identity: a Relation message or a table map that differs makes a new `Table`, and with it new plans.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[int, ...]
    """Indexes into `columns` of what identifies a row (primary key or replica identity index); empty: no key."""
    identity: Identity
    decode: Callable[[Sequence[bytes]], list[Change]]
    """The generated decoder: messages in, their changes in order out. Raises `errors.DecodeError`."""
    project: Callable[[Projection, Plainly], Direct] | None = None
    """Compiles decoder and plan into one function, which hands everything unusual to the second argument."""

    @property
    def full_name(self) -> TableName:
        return (self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive row messages of one table version, undecoded (one message may hold several rows)."""

    table: Table
    messages: list[bytes]


@dataclass(frozen=True, slots=True)
class Truncate:
    """TRUNCATE of one or more tables in one statement; never collapsed with the row changes around it."""

    tables: tuple[TableName, ...]
    cascade: bool = False
    restart_identity: bool = False


Piece: TypeAlias = "Rows | Truncate"


@dataclass(slots=True)
class Transaction:
    """A committed source transaction, or one part of a large one.

    A transaction above the assembler's part size arrives as several parts with `first` and `last` set accordingly;
    only the last part has a position. A transaction without pieces moves the position only (an echo, a transaction
    that no route takes, an idle log).
    """

    pieces: list[Piece]
    size: int
    """Bytes of log data held, the unit in which the queue is bounded."""
    path: tuple[str, ...]
    """Names of the databases that the changes came through before this source; () for a local transaction."""
    first: bool = True
    last: bool = True
    position: Position | None = None
    """Where the transaction ends; None unless `last`."""
    commit_time: float | None = None
    """Commit time on the source, seconds since the Unix epoch; None when unknown (idle position)."""
    echo: bool = False
    """True when the pieces were dropped because the target is on the path already."""
    idle: bool = False
    """True when this only reports how far the log was read."""
    substantive: bool = True
    """False when nothing but an agent's own checkpoint moved: such a transaction never causes a checkpoint write of
    its own, so that two idle databases do not wake each other for ever."""
    received: float = field(default=0.0)
    """time.monotonic() when the reader handed it over."""
