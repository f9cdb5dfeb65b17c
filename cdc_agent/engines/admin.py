"""Statements outside the flow: what check, setup, status and teardown ask of a database, whatever its engine.

An `Admin` is an autocommit connection whose errors are the agent's own; `registry.connect` opens one. Never used for
replicated rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

from cdc_agent.config.model import Engine
from cdc_agent.engines.ddl import Dialect
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.shapes import Shape
from cdc_agent.model.tables import ForeignKey, TargetTable

Found: TypeAlias = "list[tuple[Any, ...]]"


class OldRows(NamedTuple):
    """What a log sends of the rows that were updated or deleted."""

    identity: Identity
    key: tuple[str, ...] = ()
    """Of `Identity.KEY` the columns that are sent."""
    partitioned: bool = False
    """Whether partitions decide, each by an identity of its own."""
    silent: tuple[TableName, ...] = ()
    """The partitions whose updates and deletes fail, since they have no identity."""


class Admin(Protocol):
    """An open autocommit connection for administrative statements; used by one thread."""

    @property
    def engine(self) -> Engine: ...

    @property
    def flavor(self) -> str:
        """postgresql, mysql or mariadb."""

    @property
    def version(self) -> tuple[int, ...]:
        """(15, 8) or (10, 11, 6)."""

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Found:
        """Run a statement with ``%s`` parameters and return its rows. Raises `errors.AgentError`."""

    def run(self, statement: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement; returns the rows that it affected. Raises `errors.AgentError`."""

    def quote(self, *names: str) -> str:
        """A quoted, possibly qualified identifier."""

    def describe(self, schema: str, name: str) -> TargetTable | None:
        """The table as the catalogue has it now; None when there is none."""

    def describe_all(self, names: Sequence[TableName]) -> dict[TableName, TargetTable]:
        """Those of the tables that there are, with as many questions as for one."""

    def shapes(self, names: Sequence[TableName]) -> dict[TableName, Shape]:
        """Those of the tables that there are, with what is needed to make them again."""

    def dialect(self, source_flavor: str) -> Dialect:
        """How tables are made here for sources of a flavour."""

    def tables(self) -> list[TableName]:
        """Every table that the role sees and whose rows are in the log, cdc_agent's own left out."""

    def left_out(self) -> list[tuple[TableName, str]]:
        """What is no such table under a table's name, and what it is: a view, an unlogged table."""

    def setting(self, name: str) -> str:
        """A server variable as text; '' when the server does not know it."""

    def clock(self) -> float:
        """The server's time now, in seconds since the epoch."""

    def identities(self, names: Sequence[TableName]) -> dict[TableName, OldRows]:
        """What the log sends of the tables' old rows, as things stand."""

    def triggers(self, names: Sequence[TableName]) -> dict[TableName, list[str]]:
        """The names of those of the tables' triggers that are on, for tables that have some."""

    def acting_keys(self) -> Sequence[tuple[TableName, ForeignKey]]:
        """The foreign keys that change rows by themselves, with their child's name; asked for once."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
