"""Decoder and plan compiled into one function write what the plan makes of the decoder's changes, whatever the table."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cdc_agent.config.model import RouteSettings
from cdc_agent.errors import AgentError
from cdc_agent.mapping.plans import bind
from cdc_agent.model.changes import Column, Identity, Table
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type
from cdc_agent.model.writes import Plan, Rejection
from cdc_agent.sources.mysql.rows import TableMaps
from cdc_agent.sources.postgres.row_decoder import Shape, compile_decoder, compile_projection
from tests.properties.test_mysql_row_decoder import events
from tests.properties.test_pg_row_decoder import cases
from tests.support.table_maps import charsets
from tests.support.thorough import examples

TYPES = {
    "postgresql": (Type(Kind.TEXT, "text"), Type(Kind.TEXT, "character varying(4)", length=4)),
    "mysql": (
        Type(Kind.TEXT, "longtext", charset="utf8mb4"),
        Type(Kind.TEXT, "varchar(4)", length=4, charset="utf8mb4"),
    ),
}
"""A target column that takes every text, and one that takes few."""


EXPRESSIONS = ("CONCAT({0}, 'x')", "CASE WHEN {1} IS NULL THEN {0} ELSE {1} END", "{0} + 1", "COALESCE({0}, {0}, {1})")
"""Over a column and the first one."""


def plan(source: Table, of: str, engine: str, narrow: list[bool], misfit: str, computed: list[str | None]) -> Plan:
    """Every column under its own name, or by an expression; the first is the key."""
    types = [TYPES[engine][small] for small in narrow[: len(source.columns)]]
    columns = tuple(TargetColumn(c.name, t, True, False) for c, t in zip(source.columns, types, strict=True))
    expressions: dict[str, Any] = {c.name: c.name for c in source.columns}
    for column, expression in zip(source.columns, computed, strict=False):
        if expression is not None:
            expressions[column.name] = expression.format(column.name, source.columns[0].name)
    route = RouteSettings.model_validate({"from": "s.t", "to": "t.t", "misfit": misfit, "columns": expressions})
    return bind(
        route,
        source,
        TargetTable("t", "t", columns, (source.columns[0].name,)),
        source_engine=of,
        target_engine=engine,
        source_zone="UTC",
        target_zone="UTC",
    )


routes = st.tuples(
    st.sampled_from(list(TYPES)),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.sampled_from(["quarantine", "null", "stop"]),
    st.lists(st.none() | st.sampled_from(EXPRESSIONS), min_size=20, max_size=20),
)
"""(the target's engine, which columns are narrow, the policy, the columns' expressions)"""


def agrees(source: Table, of: str, route: tuple[Any, ...], messages: list[bytes]) -> None:
    """A route that cannot be bound (a column that no text function reads, say) has no projection."""
    try:
        made = plan(source, of, *route)
    except AgentError:
        return
    assert made.direct is not None
    changes = source.decode(messages)
    assert outcome(lambda rejections: made.direct(messages, rejections)) == outcome(
        lambda rejections: made.map(changes, rejections)
    )


@settings(max_examples=examples(300), deadline=None)
@given(events(), routes)
def test_a_binlog_projection_agrees_with_decoder_and_plan(event: tuple[bytes, bytes], route: tuple[Any, ...]) -> None:
    """Same writes, same rejections, same errors; the second time, when readers are compiled, as the first."""
    body, message = event
    source = TableMaps(charsets(), "mysql").define(body).table()
    agrees(source, "mysql", route, [message])
    agrees(source, "mysql", route, [message, message])


@settings(max_examples=examples(300), deadline=None)
@given(cases(), routes)
def test_a_pgoutput_projection_agrees_with_decoder_and_plan(
    case: tuple[Shape, list[bytes]], route: tuple[Any, ...]
) -> None:
    """As for the binlog, with old rows of every identity and unchanged TOAST columns."""
    shape, messages = case
    assume(shape.types)
    source = Table(
        "s",
        "t",
        tuple(Column(f"c{index}", type_) for index, type_ in enumerate(shape.types)),
        tuple(shape.key),
        Identity.FULL if shape.full else Identity.KEY,
        compile_decoder(shape),
        partial(compile_projection, shape),
    )
    agrees(source, "postgresql", route, messages)


def outcome(function: Any) -> object:
    rejections: list[Rejection] = []
    try:
        return function(rejections), rejections
    except AgentError as error:
        return error.code, error.message, rejections
    except ValueError:  # the strategies draw bytes that no server would send for the type
        return "undecodable"
