"""What the checks are given: one database in its roles, or one route with both its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cdc_agent.config.model import Config, Database, PipelineSettings, RouteSettings
from cdc_agent.engines.admin import Admin, OldRows
from cdc_agent.mapping.routes import Route
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.tables import TargetTable
from cdc_agent.preflight.findings import Finding
from cdc_agent.preflight.pictures import Pictures


@dataclass(frozen=True, slots=True)
class OnDatabase:
    """A reachable database and the pipelines that use it."""

    config: Config
    name: str
    settings: Database
    server: Admin
    pictures: Pictures
    """The same server's tables, read many at one go."""
    sources: tuple[str, ...]
    """Pipelines that read from it."""
    targets: tuple[str, ...]
    """Pipelines that write to it."""

    def setting(self, name: str) -> str:
        """A server variable as text; '' when the server does not know it."""
        return self.server.setting(name)


@dataclass(frozen=True, slots=True)
class OnRoute:
    """One route and one source table that it takes, with both tables as their catalogues have them."""

    pipeline: str
    settings: PipelineSettings
    route: RouteSettings
    source: OnDatabase
    target: OnDatabase
    source_table: TargetTable
    old_rows: OldRows
    target_name: TableName
    target_table: TargetTable
    routing: Route
    """The route with its two tables."""
    routed: Callable[[TableName], Sequence[Route]]
    """The routes of any source table."""

    @property
    def identity(self) -> Identity:
        """What the source's log sends of old rows."""
        return self.old_rows.identity

    @property
    def where(self) -> str:
        source, target = ".".join(self.source_table.full_name), ".".join(self.target_name)
        return f"{self.pipeline}: {source} → {target}"


DatabaseCheck: TypeAlias = "Callable[[OnDatabase], Iterator[Finding]]"
RouteCheck: TypeAlias = "Callable[[OnRoute], Iterator[Finding]]"
