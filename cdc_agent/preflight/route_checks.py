"""Checks of one route with both its tables, whatever the engines: `CHECKS`, each function one of them.

What only one engine's source or target needs is in its `Side`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cdc_agent.conversions.convert import Context
from cdc_agent.errors import AgentError
from cdc_agent.mapping.plans import findings
from cdc_agent.model.changes import Change, Column, Identity, Table
from cdc_agent.model.tables import TargetTable
from cdc_agent.preflight.context import OnRoute, RouteCheck
from cdc_agent.preflight.findings import Finding, error, info, warning


def source_key(on: OnRoute) -> Iterator[Finding]:
    """Without a key, rows are found by all of their columns."""
    if not on.source_table.primary_key and on.identity is not Identity.KEY:
        message = "the source table has no primary key: rows are matched as a whole, and slowly"
        yield warning("PF042", on.where, message, "add a primary key, or give the route a `key`")


def target_key(on: OnRoute) -> Iterator[Finding]:
    """The target needs a key as well, or its rows are found by all of their columns."""
    if not on.target_table.primary_key and on.route.key is None:
        message = "the target table has no primary key: changes search the whole table"
        yield warning("PF042", on.where, message, "add a primary key, or give the route a `key`")


def mapping(on: OnRoute) -> Iterator[Finding]:
    """The route must compile against both tables as they are, and its values should fit."""
    try:
        found = findings(on.route, as_logged(on.source_table, on.identity), on.target_table, conversion_context(on))
    except AgentError as problem:
        details = f" ({'; '.join(problem.details)})" if problem.details else ""
        yield error("PF044", on.where, f"{problem.message}{details}", problem.advice)
        return
    for one in found:
        message = f"column {one.column} {one.message}"
        if one.severe:
            yield error("PF046", on.where, message, "map it, or give it a default")
        elif on.target_table.column(one.column) is None:
            yield info("PF052", on.where, message)
        else:
            yield warning("PF045", on.where, message, f"rows that do not fit: {on.route.misfit}")


def conversion_context(on: OnRoute) -> Context:
    """What conversions of this route depend on."""
    return Context(
        engine=on.target.server.flavor,
        source_engine=on.source.server.flavor,
        source_zone=on.source.settings.time_zone,
        target_zone=on.target.settings.time_zone,
        zero_dates=on.route.zero_dates,
    )


def as_logged(table: TargetTable, identity: Identity) -> Table:
    """The table as its log would describe it now; its decoder is never called."""
    names = [column.name for column in table.columns]
    key = tuple(names.index(name) for name in table.primary_key if name in names)
    columns = tuple(Column(c.name, c.type, c.nullable, c.generated) for c in table.columns)
    return Table(table.schema, table.name, columns, key, identity, _nothing_to_decode)


def _nothing_to_decode(messages: Sequence[bytes]) -> list[Change]:
    raise AssertionError("check never decodes rows")


def other_unique_keys(on: OnRoute) -> Iterator[Finding]:
    """They can refuse rows that the source accepts, and cost the batch its freedom of order."""
    for key in on.target_table.unique_keys:
        if key != on.route.key:
            message = f"unique key ({', '.join(key)}) on the target beside the primary key"
            yield info("PF047", on.where, message, "a row that it refuses goes into quarantine")


def acting(on: OnRoute, hint: str = "") -> Iterator[Finding]:
    """The triggers of the target, which act on replicated rows; `hint` says what an engine can do about it."""
    if found := on.target.server.triggers([on.target_name]).get(on.target_name):
        message = f"triggers on the target act on replicated rows: {', '.join(found)}"
        hint = f"what a trigger changes does not flow back; `cdc-agent verify` finds such rows{hint}"
        yield warning("PF049", on.where, message, hint)


CHECKS: Final[tuple[RouteCheck, ...]] = (source_key, target_key, mapping, other_unique_keys)
