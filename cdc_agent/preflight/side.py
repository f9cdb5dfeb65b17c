"""What the commands beside the flow need of an engine: its checks and its rights.

One object for each engine implements `Side`; `sides` looks it up by a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cdc_agent.config.model import Database
from cdc_agent.model.changes import TableName
from cdc_agent.preflight.context import DatabaseCheck, OnDatabase, RouteCheck
from cdc_agent.preflight.findings import Finding

FILL_IN: Final = "…"
"""Stands where the DBA writes the role's password."""
READ: Final = ("SELECT",)
WRITE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(slots=True)
class Needs:
    """What one database's role needs, over all pipelines."""

    reads: dict[str, list[str]] = field(default_factory=dict)
    """schema → tables; ``*`` for all of its tables."""
    writes: dict[str, list[str]] = field(default_factory=dict)
    truncates: bool = False
    follows: list[TableName] = field(default_factory=list)
    """Tables whose schemas are changed as the source's change; ``*`` for all of a schema's."""
    creates: bool = False
    """The role makes target tables itself."""
    suppresses: bool = False
    """A pipeline asks for triggers and foreign keys to be suppressed."""
    publications: dict[str, list[TableName]] = field(default_factory=dict)
    """publication → tables; ``*`` for all of a schema's."""

    @property
    def source(self) -> bool:
        return bool(self.reads)

    @property
    def target(self) -> bool:
        return bool(self.writes)


class Side(Protocol):
    """An engine as check, grants and setup know it. Holds no connection."""

    @property
    def checks(self) -> Sequence[DatabaseCheck]:
        """The checks of a server in its roles, in order."""

    @property
    def source_checks(self) -> Sequence[RouteCheck]:
        """The checks of a route whose source it is."""

    @property
    def target_checks(self) -> Sequence[RouteCheck]:
        """The checks of a route whose target it is."""

    def resumption(self, on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
        """Whether the log still reaches back to a checkpoint's position, where the server's checks do not say so."""

    def unsure(self, on: OnDatabase) -> str | None:
        """The server's settings for which an answered commit may be lost in a crash; None: it stays."""

    def account(self, database: Database, *, reads: bool) -> str:
        """The statement that makes the agent's role."""

    def rights(self, database: Database, needs: Needs) -> Iterator[str]:
        """The statements that give it the least rights that work; comments are statements of their own."""

    def own_store(self, user: str, version: int) -> list[str]:
        """What a DBA runs for a role that may not make the schema cdc_agent (`version` 0) or upgrade its tables."""
