"""What the agent needs of a source, whatever its engine: its log as it stands, and one pipeline's reading end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cdc_agent.config.model import Database
from cdc_agent.engines.admin import Admin
from cdc_agent.model.changes import Table, TableName, Transaction
from cdc_agent.model.positions import Position
from cdc_agent.model.tables import ForeignKey
from cdc_agent.model.values import Row, Value
from cdc_agent.sources.assemble import Report

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


@dataclass(frozen=True, slots=True)
class Reader:
    """One pipeline as its source's server knows it."""

    pipeline: str
    source: str
    """The source's name in the configuration."""
    target: str
    database: Database
    """The source."""
    slot: str
    publication: str
    named: frozenset[TableName] = frozenset()
    """The source tables that routes name without a wildcard."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a log is, and a pipeline in it; what a server does not tell is None."""

    position: str
    """The log's end."""
    read: bool
    """Whether an agent reads for the pipeline now."""
    lag_bytes: int | None = None
    """Log behind the pipeline's checkpoint."""
    lag_seconds: float | None = None
    """As the server measures it."""
    retained_bytes: int | None = None
    """Log that the server keeps for the pipeline."""
    wal_status: str | None = None
    safe_wal_size: int | None = None
    problem: str | None = None


Note: TypeAlias = Callable[[bool, str], None]
"""Told of each thing that was made or removed on a server: whether anything changed thereby, and what it is."""


class Log(Protocol):
    """An engine's log as its readers need it: one object for each engine, which holds no connection."""

    def source(self, reader: Reader, report: Report) -> Source:
        """The pipeline's reading end, not yet connected."""

    def prepare(
        self, reader: Reader, server: Admin, tables: Sequence[TableName], note: Note, undo: ExitStack, *, resumes: bool
    ) -> Position | None:
        """Make what the server must hold for the pipeline; where its reading may begin, if that was decided thereby.

        `resumes` says that the pipeline has a checkpoint: then nothing is made that would skip part of the log. What
        is made is entered in `undo`, to be called when a later step of setup fails. Raises an AgentError with what a
        DBA can do.
        """

    def harmed(self, reader: Reader, server: Admin, tables: Sequence[TableName]) -> list[TableName]:
        """Those of the tables whose updates and deletes would fail on the source once `prepare` has run."""

    def publish_checkpoint(self, reader: Reader, server: Admin, note: Note) -> None:
        """Have the log show the database's own checkpoint table, which was not there when `prepare` ran."""

    def remove(self, reader: Reader, note: Note) -> None:
        """Remove what `prepare` made, so that nothing pins the log."""

    def standing(self, reader: Reader, server: Admin, checkpoint: Position, *, held: bool) -> Standing:
        """Where log and pipeline stand; `held` is False when the checkpoint's agent is known to be gone."""


class Source(Protocol):
    """One pipeline's reading end. `read` runs in the reader thread; the rest says where it may be called."""

    def identity(self) -> ServerIdentity:
        """Ask the server who it is. Own connection, any thread."""

    def current_position(self) -> Position:
        """The end of the server's log at this moment. Own connection, any thread."""

    @property
    def logs_keys(self) -> bool:
        """Whether the log always holds what foreign keys do to children."""

    def unlogged_keys(self, wanted: Callable[[TableName], bool]) -> Sequence[tuple[TableName, ForeignKey]]:
        """The foreign keys of wanted tables as they are now, with their child's name, where the log may not hold what
        they do.

        Own connection, any thread. Raises KeysHidden when the server does not show what a key does.
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

        It is read when others see everything that was handed over, which is waited for as `settle` does; where the
        server does not tell, the row's lock is waited for. Own connection, applier thread. Columns that no longer
        exist are UNSENT. Raises NotYetVisible.
        """

    def settle(self) -> None:
        """Return when the server's other sessions see every transaction that was handed over before the call, and
        every one that the position covers from which this source was started.

        Own connection, any thread. Raises NotYetVisible when that takes too long. At once where the server does not
        tell (MySQL without GTIDs).
        """

    def close(self) -> None:
        """Close every connection. Safe to call twice and from any thread; unblocks `read`."""
