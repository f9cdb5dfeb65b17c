"""The generated function of a plan does what the plain mapper does, for any change."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdc_agent.config.model import RouteSettings
from cdc_agent.conversions.convert import Context
from cdc_agent.errors import AgentError
from cdc_agent.mapping.binding import bound
from cdc_agent.mapping.program import generate
from cdc_agent.mapping.reference import Mapper
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Column, Identity, Table
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Type
from cdc_agent.model.writes import Rejection

INT = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
TYPES = (INT, TEXT, TEXT, INT)
NAMES = ("id", "a", "b", "n")

ROUTES: tuple[dict[str, Any], ...] = (
    {},
    {"where": "n > 0"},
    {"where": "a = 'x' OR n / n = 1"},
    {"columns": {"id": "id", "a": "a || b", "n": "10 / n"}},
    {"columns": {"id": "id * 2", "a": "UPPER(a)", "b": "b"}, "where": "b IS NOT NULL"},
    {"columns": {"id": "id", "b": "a"}, "misfit": "null"},
    {"columns": {"a": "COALESCE(a, b)", "id": "id"}, "key": ["id", "a"]},
    {"columns": {"id": "id", "n": "n"}, "misfit": "stop"},
)


def target(key: tuple[str, ...]) -> TargetTable:
    narrow = Type(Kind.TEXT, "character varying(2)", length=2)
    small = Type(Kind.INTEGER, "smallint", precision=16)
    types = (INT, narrow, TEXT, small)
    columns = tuple(TargetColumn(n, t, n != "id", False) for n, t in zip(NAMES, types, strict=True))
    return TargetTable("t", "t", columns, key)


numbers = st.integers(-70_000, 70_000).map(lambda n: b"%d" % n)
texts = st.sampled_from([b"", b"x", b"xy", b"xyz", b"\xc3\xa9\xc3\xa9", b"NULL"])
cells = (numbers, st.none() | st.just(UNSENT) | texts, st.none() | st.just(UNSENT) | texts,
         st.none() | st.just(UNSENT) | st.sampled_from([b"0"]) | numbers)  # fmt: skip
rows = st.tuples(*cells)
old_rows = st.none() | rows | numbers.map(lambda n: (n, UNSENT, UNSENT, UNSENT))
changes = st.one_of(
    rows.map(lambda row: (INSERT, None, row)),
    st.tuples(st.just(UPDATE), old_rows, rows),
    rows.map(lambda row: (DELETE, row, None)),
)


@given(
    settings=st.sampled_from(ROUTES),
    identity=st.sampled_from([Identity.FULL, Identity.NOTHING]),
    key=st.sampled_from([("id",), ()]),
    batch=st.lists(changes, max_size=12),
)
def test_generated_plans_agree_with_the_plain_mapper(
    settings: dict[str, Any], identity: Identity, key: tuple[str, ...], batch: list[Change]
) -> None:
    """Same writes, same rejections, same errors."""
    route = RouteSettings.model_validate({"from": "s.t", "to": "t.t", **settings})
    columns = tuple(Column(name, type_) for name, type_ in zip(NAMES, TYPES, strict=True))
    source = Table("s", "t", columns, (0,), identity, lambda messages: [])
    result = bound(route, source, target(key), Context())
    assert outcome(generate(result), batch) == outcome(Mapper(result).map, batch)


def outcome(function: Any, batch: list[Change]) -> object:
    rejections: list[Rejection] = []
    try:
        return function(batch, rejections), rejections
    except AgentError as error:
        return error.code, error.message, rejections
