"""Decoder and plan compiled into one function write what the plan makes of the decoder's changes, whatever the table."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cdc_agent.changes import Table
from cdc_agent.config.model import RouteSettings
from cdc_agent.errors import AgentError
from cdc_agent.mapping.plans import bind
from cdc_agent.mapping.writes import Plan, Rejection, TargetColumn, TargetTable
from cdc_agent.sources.mysql.rows import TableMaps
from cdc_agent.values import Kind, Type
from tests.properties.test_mysql_row_decoder import events
from tests.support.table_maps import charsets

TYPES = {
    "postgresql": (Type(Kind.TEXT, "text"), Type(Kind.TEXT, "character varying(4)", length=4)),
    "mysql": (
        Type(Kind.TEXT, "longtext", charset="utf8mb4"),
        Type(Kind.TEXT, "varchar(4)", length=4, charset="utf8mb4"),
    ),
}
"""A target column that takes every text, and one that takes few."""


def plan(source: Table, engine: str, narrow: list[bool], misfit: str, computed: bool) -> Plan:
    """Every column under its own name, the first as the key; `computed`: the last by an expression."""
    types = [TYPES[engine][small] for small in narrow]
    columns = tuple(TargetColumn(c.name, t, True, False) for c, t in zip(source.columns, types, strict=True))
    expressions: dict[str, Any] = {c.name: f"`{c.name}`" for c in source.columns}
    if computed:
        expressions[source.columns[-1].name] = f"CONCAT(`{source.columns[-1].name}`, 'x')"
    route = RouteSettings.model_validate({"from": "s.t", "to": "t.t", "misfit": misfit, "columns": expressions})
    return bind(
        route,
        source,
        TargetTable("t", "t", columns, (source.columns[0].name,)),
        source_engine="mysql",
        target_engine=engine,
        source_zone="UTC",
        target_zone="UTC",
    )


@settings(max_examples=300, deadline=None)
@given(events(), st.data())
def test_a_projection_agrees_with_decoder_and_plan(event: tuple[bytes, bytes], data: st.DataObject) -> None:
    """Same writes, same rejections, same errors; the second time, when readers are compiled, as the first."""
    body, message = event
    source = TableMaps(charsets(), "mysql").define(body).table()
    width = len(source.columns)
    try:
        made = plan(
            source,
            data.draw(st.sampled_from(list(TYPES))),
            data.draw(st.lists(st.booleans(), min_size=width, max_size=width)),
            data.draw(st.sampled_from(["quarantine", "null", "stop"])),
            data.draw(st.booleans()),
        )
    except AgentError:
        assume(False)
    assert made.direct is not None
    for messages in ([message], [message, message]):
        changes = source.decode(messages)
        direct = outcome(lambda rejections, got=messages: made.direct(got, rejections))
        assert direct == outcome(lambda rejections, got=changes: made.map(got, rejections))


def outcome(function: Any) -> object:
    rejections: list[Rejection] = []
    try:
        return function(rejections), rejections
    except AgentError as error:
        return error.code, error.message, rejections
