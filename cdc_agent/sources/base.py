"""What the pipeline needs of a source, whatever its engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cdc_agent.model.changes import Table, TableName, Transaction
from cdc_agent.model.positions import Position
from cdc_agent.model.tables import ForeignKey
from cdc_agent.model.values import Row, Value

Emit = Callable[[Transaction], None]
"""Hands a transaction to the queue; blocks while the queue is full, calling the source's `keepalive` meanwhile."""


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which server this is: compared with the checkpoint at every start."""

    engine: str
    """postgresql, mysql or mariadb"""
    version: str
    identity: str
    """PostgreSQL: system identifier; MySQL: server_uuid; MariaDB: server_id and the log's base name."""
    timeline: int | None = None

    @property
    def text(self) -> str:
        """The form in `checkpoint.source_identity`; differs when the log is another one."""
        parts = [self.engine, self.identity]
        if self.timeline is not None:
            parts.append(f"timeline {self.timeline}")
        return " ".join(parts)


class Source(Protocol):
    """One pipeline's reading end. `read` runs in the reader thread; the rest says where it may be called."""

    def identity(self) -> ServerIdentity:
        """Ask the server who it is. Own connection, any thread."""

    def current_position(self) -> Position:
        """The end of the server's log at this moment. Own connection, any thread."""

    def unlogged_keys(self) -> Sequence[tuple[TableName, ForeignKey]]:
        """The foreign keys whose actions on children the log does not hold, with their child tables.

        Own connection, any thread.
        """

    def start(self, position: Position, wanted: Callable[[TableName], bool]) -> None:
        """Connect and ask for the log behind `position`.

        Tables for which `wanted` is false are not kept. Raises a Fatal error when the log behind the position is
        not there (slot lost or moved, binlog purged), a Retryable one when the server cannot be reached.
        """

    def read(self, emit: Emit, stop: Callable[[], bool]) -> None:
        """Read and emit until `stop()`; returns within a second of it. Raises Retryable on a lost connection."""

    def keepalive(self) -> None:
        """Tell the server that we are alive. Called by the reader thread while `emit` waits for room."""

    def acknowledge(self, position: Position) -> None:
        """The target holds everything up to `position`. Any thread; sent by the reader thread soon after."""

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """The row as it is now, in `table`'s column order, by its key columns; None when it is gone.

        Own connection, applier thread. Columns that no longer exist are UNSENT.
        """

    def close(self) -> None:
        """Close every connection. Safe to call twice and from any thread; unblocks `read`."""
