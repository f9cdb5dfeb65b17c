"""A source's log in memory: committed transactions in order, each with the place where it ends.

Row messages are bytes (`marshal`), decoded by `decode` as an engine's are by its decoder. Nothing here knows what the
changes mean.
"""

from __future__ import annotations

import marshal
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from cdc_agent.model.changes import Change, Column, Identity, Plainly, Projection, Table, TableName
from cdc_agent.model.positions import BinlogPosition, Lsn, Position
from cdc_agent.model.tables import ForeignKey
from cdc_agent.model.values import UNSENT, Row, Value

_UNSENT_MARK = 0


def message(operation: int, old: Row | None, new: Row | None) -> bytes:
    """One row change as bytes."""
    return marshal.dumps((operation, _packed(old), _packed(new)))


def _packed(row: Row | None) -> tuple[object, ...] | None:
    return None if row is None else tuple([_UNSENT_MARK if value is UNSENT else value for value in row])


def decode(messages: Sequence[bytes]) -> list[Change]:
    return [(operation, _unpacked(old), _unpacked(new)) for operation, old, new in map(marshal.loads, messages)]


def _unpacked(row: tuple[object, ...] | None) -> Row | None:
    if row is None or _UNSENT_MARK not in row:
        return row  # type: ignore[return-value]
    return tuple([UNSENT if value == _UNSENT_MARK else value for value in row])  # type: ignore[misc]


def source_table(
    name: TableName, columns: Sequence[Column], key: Sequence[int], identity: Identity, *, direct: bool = False
) -> Table:
    """A table version; with `direct` decoder and plan are one function, as the real sources' are."""

    def project(projection: Projection, plainly: Plainly) -> Callable[..., list[tuple[int, Row, Row | None]]]:
        return lambda messages, rejections: plainly(decode(messages), rejections)

    return Table(*name, tuple(columns), tuple(key), identity, decode, project if direct else None)


@dataclass(frozen=True)
class RowChange:
    table: Table
    message: bytes


@dataclass(frozen=True)
class Truncated:
    tables: tuple[TableName, ...]


class Mark(Enum):
    """What an engine logs of savepoints that it does not resolve by itself."""

    SAVEPOINT = "savepoint"
    ROLLBACK_TO = "rollback to"


@dataclass(frozen=True)
class Entry:
    """A committed transaction. `path` is what an agent's marker says; None when no agent wrote it."""

    changes: Sequence[RowChange | Truncated | Mark]
    end: int
    """The place in the log behind it."""
    commit_time: float
    path: tuple[str, ...] | None = None


@dataclass
class MemoryLog:
    """The log, the rows as they are now, and how far it may be forgotten."""

    engine: str = "postgresql"
    entries: list[Entry] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    end: int = 0
    """Where the log ends now; at or behind the last transaction's end."""
    confirmed: int = 0
    """Acknowledged: nothing before it can be read any more."""
    current: dict[TableName, dict[Row, Mapping[str, Value]]] = field(default_factory=dict)
    """The rows of each table as they are now, by the values of their key."""
    hides: bool = False
    """Whether others see a transaction only once it was shown, and not as soon as it is in the log."""
    visible: int = 0
    """Up to here others see the log's transactions, when it hides them."""
    unlogged: Sequence[tuple[TableName, ForeignKey]] = ()
    on_growth: Callable[[], None] = lambda: None
    _shown: dict[TableName, dict[Row, Mapping[str, Value]]] = field(default_factory=dict)

    def append(self, entry: Entry) -> None:
        assert entry.end > self.end
        self.entries.append(entry)
        self.ends.append(entry.end)
        self.end = entry.end
        self.on_growth()

    def hide(self) -> None:
        """From here on each transaction must be shown."""
        self.hides, self.visible, self._shown = True, self.end, dict(self.current)

    def show(self, place: int, rows: Mapping[TableName, dict[Row, Mapping[str, Value]]]) -> None:
        """Others see the transaction that ends there; the rows are as it left them."""
        self.visible, self._shown = place, dict(rows)
        self.on_growth()

    def seen_up_to(self) -> int:
        """How far others see what is in the log."""
        return self.visible if self.hides else self.end

    def shown(self, table: TableName) -> Mapping[Row, Mapping[str, Value]]:
        """The rows of a table as others see them."""
        return (self._shown if self.hides else self.current).get(table, {})

    def after(self, place: int) -> int:
        """The index of the first transaction that ends behind `place`."""
        return bisect_right(self.ends, place)

    def position(self, place: int) -> Position:
        if self.engine == "postgresql":
            return Lsn(place)
        return BinlogPosition(f"binlog.{1 + place // 100_000:06d}", place % 100_000, f"0-1-{place}")

    @staticmethod
    def place(position: Position) -> int:
        if isinstance(position, Lsn):
            return position.value
        return (position.sequence[0] - 1) * 100_000 + position.offset
