"""`side.Side` for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres import durability
from cdc_agent.model.changes import Identity
from cdc_agent.preflight import postgres_checks, postgres_rights, route_checks
from cdc_agent.preflight.context import OnDatabase, OnRoute, RouteCheck
from cdc_agent.preflight.findings import Finding, error
from cdc_agent.preflight.side import Needs


def identity(on: OnRoute) -> Iterator[Finding]:
    """PostgreSQL refuses updates of a published table that logs nothing of old rows; of partitions each has its own."""
    silent = on.old_rows.silent
    if on.identity is Identity.NOTHING or silent:
        one = silent[0] if silent else on.source_table.full_name
        of = f" in {len(silent)} of its partitions" if silent else ""
        also = " for each of them, whose identity counts and not the table's" if silent else ""
        hint = f"ALTER TABLE {on.source.server.quote(*one)} REPLICA IDENTITY FULL, or a primary key{also}"
        yield error("PF043", on.where, f"updates and deletes on the source would fail{of}: no replica identity", hint)


def triggers(on: OnRoute) -> Iterator[Finding]:
    """Ordinary triggers of the target act on replicated rows, unless they are suppressed."""
    if on.settings.triggers != "suppress":
        yield from route_checks.acting(on, "; `triggers: suppress` keeps ordinary triggers from firing")


class PostgresSide:
    """See `side.Side`."""

    checks: Final = postgres_checks.CHECKS
    source_checks: Final[tuple[RouteCheck, ...]] = (identity,)
    target_checks: Final[tuple[RouteCheck, ...]] = (triggers,)

    def resumption(self, on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
        """The check of the slot says it already."""
        return iter(())

    def unsure(self, on: OnDatabase) -> str | None:
        """See `side.Side`."""
        return durability.unsure(on.server.rows(durability.QUESTION))

    def account(self, database: Database, *, reads: bool) -> str:
        """See `side.Side`."""
        return postgres_rights.account(database, reads=reads)

    def rights(self, database: Database, needs: Needs) -> Iterator[str]:
        """See `side.Side`."""
        return postgres_rights.rights(database, needs)

    def own_store(self, user: str, version: int) -> list[str]:
        """See `side.Side`."""
        return postgres_rights.own_store(user, version)
