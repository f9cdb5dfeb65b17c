"""The step "map": `bind` compiles the plan of a route for one version of a source table.

In: settings, the source table as its log describes it, the target table as its catalogue does. Out: a `Plan` whose
function turns changes into writes, applying filter, columns, conversions and the route's misfit policy. Never talks
to a database.

What a plan does with a row of which the log sent only a part:

- a target column made of unsent source columns alone is UNSENT in the write;
- one made of sent and unsent columns, a filter over an unsent column, an insert or a moved key with an unsent column
  gives a rejection with the code `UNSENT_CODE`: the pipeline reads the row again and maps it again;
- when the log does not say which row changed, `LogUnusable` stops the pipeline: reading again cannot help.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from cdc_agent.config.model import RouteSettings
from cdc_agent.conversions.convert import Code, Context, conversion
from cdc_agent.errors import AgentError
from cdc_agent.mapping.binding import Bound, bound, refusals
from cdc_agent.mapping.program import RowProjection, generate
from cdc_agent.mapping.reference import UNSENT_CODE, Mapper
from cdc_agent.model.changes import Table
from cdc_agent.model.generated import lazily
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.writes import Plan

__all__ = ["UNSENT_CODE", "Finding", "bind", "findings", "problems"]


def bind(
    route: RouteSettings,
    source: Table,
    target: TargetTable,
    *,
    source_engine: str,
    target_engine: str,
    source_zone: str,
    target_zone: str,
    before_image: bool = False,
) -> Plan:
    """Compile a plan. Engines are `postgresql`, `mysql` or `mariadb`, zones IANA names.

    With `before_image` the plan maps old rows as well, for a rule that compares them with what the target holds.

    Raises TargetSchemaError (a column missing on the target, types that do not convert, no usable key), ColumnGone (a
    column missing in the source's log), ExpressionError, LogUnusable (old rows cannot be identified).
    """
    context = Context(
        engine=target_engine,
        source_engine=source_engine,
        source_zone=source_zone,
        target_zone=target_zone,
        zero_dates=route.zero_dates,
    )
    result = bound(route, source, target, context)
    filtered = result.filter is not None
    project = None if filtered or before_image else source.project
    map_ = generate(result) if project is None else lazily(partial(generate, result))
    direct = None if project is None else project(RowProjection(result), map_)
    mapper = Mapper(result)
    return Plan(
        result.binding,
        map_,
        mapper.known,
        before=mapper.before if before_image else None,
        reads=result.needed,
        filtered=filtered,
        direct=direct,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a route that a person should know before the start."""

    column: str
    message: str
    severe: bool
    """True when rows will be refused as things stand; False when only some values may be."""


def findings(route: RouteSettings, source: Table, target: TargetTable, context: Context) -> list[Finding]:
    """What `check` reports of a route that can be bound. Raises what `bind` raises for one that cannot."""
    result = bound(route, source, target, context)
    return [*_unmapped(result, route), *_nullable(result), *_misfits(result, context)]


def problems(route: RouteSettings, source: Table, target: TargetTable, context: Context) -> list[AgentError]:
    """Everything for which `bind` would raise, all bad expressions at once; [] for a route that can be bound."""
    found = refusals(route, source, target, context)
    if found:
        return found
    try:
        bound(route, source, target, context)
    except AgentError as error:
        return [error]
    return []


def _unmapped(result: Bound, route: RouteSettings) -> Iterator[Finding]:
    written = {pick.target.name for pick in result.picks}
    for column in result.binding.table.columns:
        free = column.nullable or column.has_default or column.generated or column.identity
        if column.name not in written and not free:
            yield Finding(column.name, "is NOT NULL without a default, and the route does not write it", severe=True)
    if route.columns is None:
        used = {index for pick in result.picks for index in pick.reads}
        for index, source_column in enumerate(result.source.columns):
            if index not in used:
                yield Finding(source_column.name, "of the source has no column on the target", severe=False)


def _nullable(result: Bound) -> Iterator[Finding]:
    for pick in result.picks:
        if pick.expression is None and result.source.columns[pick.reads[0]].nullable and not pick.target.nullable:
            yield Finding(pick.target.name, "may be NULL on the source but not on the target", severe=False)


def _misfits(result: Bound, context: Context) -> Iterator[Finding]:
    for pick in result.picks:
        type_ = pick.expression.type if pick.expression is not None else result.source.columns[pick.reads[0]].type
        codes = sorted(conversion(type_, pick.target.type, context).codes - {Code.FORM})
        if codes:
            message = f"some values of {type_.native} may not fit into {pick.target.type.native} ({', '.join(codes)})"
            yield Finding(pick.target.name, message, severe=False)
