"""Checks of one route with both its tables, whatever the engines: `CHECKS`, each function one of them.

What only one engine's source or target needs is in its `Side`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from cdc_agent.conversions.convert import Context
from cdc_agent.engines.admin import OldRows
from cdc_agent.errors import AgentError
from cdc_agent.expressions.expression import compile_filter
from cdc_agent.mapping.binding import dialect_of, types_of
from cdc_agent.mapping.plans import findings, problems
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
    logged = as_logged(on.source_table, on.old_rows)
    refused = problems(on.route, logged, on.target_table, conversion_context(on))
    for problem in refused:
        details = f" ({'; '.join(problem.details)})" if problem.details else ""
        yield error("PF044", on.where, f"{problem.message}{details}", problem.advice)
    if refused:
        return
    for one in findings(on.route, logged, on.target_table, conversion_context(on)):
        message = f"column {one.column} {one.message}"
        if one.severe:
            found = error("PF046", on.where, message, "map it, or give it a default")
        elif on.target_table.column(one.column) is None:
            found = info("PF052", on.where, message)
        else:
            found = warning("PF045", on.where, message, f"rows that do not fit: {on.route.misfit}")
        yield replace(found, cause=one.message, subject=f"{on.target_table.name}.{one.column}")


def conversion_context(on: OnRoute) -> Context:
    """What conversions of this route depend on."""
    return Context(
        engine=on.target.server.flavor,
        source_engine=on.source.server.flavor,
        source_zone=on.source.settings.time_zone,
        target_zone=on.target.settings.time_zone,
        zero_dates=on.route.zero_dates,
    )


def as_logged(table: TargetTable, old_rows: OldRows) -> Table:
    """The table as its log would describe it now; its decoder is never called."""
    names, sent = [column.name for column in table.columns], old_rows.key or table.primary_key
    key = tuple(names.index(name) for name in sent if name in names)
    columns = tuple(Column(c.name, c.type, c.nullable, c.generated) for c in table.columns)
    return Table(table.schema, table.name, columns, key, old_rows.identity, _nothing_to_decode)


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
    if found := on.target.pictures.triggers(on.target_name):
        message = f"triggers on the target act on replicated rows: {', '.join(found)}"
        hint = f"what a trigger changes does not flow back; the two sides differ by it{hint}"
        yield warning("PF049", on.where, message, hint)


def shared_keys(on: OnRoute) -> Iterator[Finding]:
    """What identifies a row on the target should identify one row on the source; a partition's own key does not."""
    columns = _copied_key(on)
    if not columns:
        return
    table = on.source_table
    if any(keys and columns.issuperset(keys) for keys in (table.primary_key, *table.unique_keys)):
        return
    message = f"rows of the source may share {', '.join(sorted(columns))}, and are one row on the target: the last one"
    hint = "give the source a unique key of these columns, or the route a `key` that is one"
    if on.old_rows.partitioned:
        hint = f"a key of a partition is unique in it alone; {hint}"
    yield warning("PF070", on.where, message, hint)


def unknown_before(on: OnRoute) -> Iterator[Finding]:
    """Where the log does not say whether the filter took a row before, a row outside is removed on the target."""
    if on.route.where is None or not (on.identity is Identity.KEY or _small_images(on)):
        return
    table = as_logged(on.source_table, on.old_rows)
    names = [column.name for column in table.columns]
    try:
        read = compile_filter(on.route.where, types_of(table), dialect_of(on.source.server.flavor)).reads
    except AgentError:
        return
    unsent = [name for name in read if names.index(name) not in table.key]
    if unsent:
        message = (
            f"the log does not hold {', '.join(unsent)} of old rows: a row outside the filter that is updated or "
            "deleted also removes the target's row of that key, be it of another origin"
        )
        whole = "binlog_row_image = FULL" if on.identity is Identity.FULL else "REPLICA IDENTITY FULL"
        where = " on each partition" if on.old_rows.partitioned else ""
        hint = f"{whole}{where}, or keys that rows of another origin do not use"
        yield warning("PF071", on.where, message, hint)


def _small_images(on: OnRoute) -> bool:
    return on.source.setting("binlog_row_image") not in ("", "FULL", "FULL_NODUP")


def held_equal(on: OnRoute, column: str, by: str, instead: str) -> Finding:
    """A key that compares texts as its source does not."""
    message = f"key column {column} compares by {by}: of two keys that it holds equal the second is refused"
    return warning("PF050", on.where, message, f"give {column} {instead}, which tells any two texts apart")


def _copied_key(on: OnRoute) -> frozenset[str]:
    """The source columns that the target's key is copied from; none when it has no key, or one that is computed."""
    expressions, names = on.route.columns, {column.name.lower(): column.name for column in on.source_table.columns}
    key = on.route.key or on.target_table.primary_key
    read = [name if expressions is None else str(expressions.get(name, "")).strip('`" ') for name in key]
    found = [names.get(text.lower()) for text in read]
    return frozenset(name for name in found if name is not None) if None not in found else frozenset()


CHECKS: Final[tuple[RouteCheck, ...]] = (
    source_key,
    target_key,
    mapping,
    other_unique_keys,
    shared_keys,
    unknown_before,
)
