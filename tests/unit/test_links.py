"""Which foreign keys of a source can be followed on the target, and in which order children are dealt with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cdc_agent.config.model import PipelineSettings
from cdc_agent.flow import batching
from cdc_agent.mapping.links import links
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.steps import Cascade, Ordered, Removes, Step, Upserts
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Row, Type
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Link, Write
from cdc_agent.targets.cascades import expand
from tests.support.mapping import writes

INTEGER = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
CASCADES = ForeignKey("fk", ("parent",), ("app", "parent"), ("id",), "CASCADE", "CASCADE")
CLEARS = ForeignKey("fk", ("parent",), ("app", "parent"), ("id",), "SET NULL", "SET NULL")


def table(name: str, *columns: str, key: str = "id", types: dict[str, Type] | None = None) -> TargetTable:
    known = types or {}
    return TargetTable(
        "public",
        name,
        tuple(TargetColumn(column, known.get(column, INTEGER), column != key, has_default=False) for column in columns),
        (key,),
    )


TABLES = {
    "parent": table("parent", "id", "name"),
    "child": table("child", "id", "parent"),
    "renamed": table("renamed", "id", "owner"),
    "wide": table("wide", "id", "parent", types={"parent": TEXT}),
}


def found(key: ForeignKey, *routes: dict[str, Any]) -> dict[tuple[str, str], tuple[Link, ...]]:
    settings = PipelineSettings.model_validate({"source": "a", "target": "b", "tables": list(routes)})
    routing = Routes(settings, source_engine="mysql", source_default_schema="app", target_default_schema="public")
    return links([(("app", "child"), key)], routing, lambda schema, name: TABLES.get(name))


PARENT = {"from": "parent", "to": "parent"}


def test_a_key_between_copied_columns_is_followed() -> None:
    """Names may differ on the target."""
    child = {"from": "child", "to": "renamed", "columns": {"id": "id", "owner": "parent"}}
    ((parent, (link,)),) = found(CASCADES, PARENT, child).items()
    assert parent == ("public", "parent")
    assert (link.child.table.name, link.columns, link.referenced) == ("renamed", ("owner",), ("id",))


@pytest.mark.parametrize(
    "routes",
    [
        [{"from": "child", "to": "child"}],
        [PARENT],
        [{**PARENT, "where": "id > 5"}, {"from": "child", "to": "child"}],
        [PARENT, {"from": "child", "to": "child", "columns": {"id": "id", "parent": "parent + 1"}}],
        [{**PARENT, "key": ["name"]}, {"from": "child", "to": "child"}],
        [PARENT, {"from": "child", "to": "wide"}],
        [PARENT, {"from": "child", "to": "nowhere"}],
    ],
)
def test_a_key_that_the_target_cannot_tell_is_not_followed(routes: list[dict[str, Any]]) -> None:
    """An unrouted end, a filtered parent, a computed column, another identity, another type."""
    assert found(CASCADES, *routes) == {}


def test_a_key_that_does_not_act_is_not_followed() -> None:
    """RESTRICT changes nothing by itself."""
    key = ForeignKey("fk", ("parent",), ("app", "parent"), ("id",), "RESTRICT", "NO ACTION")
    assert found(key, PARENT, {"from": "child", "to": "child"}) == {}


def parent_binding(key: ForeignKey) -> Binding:
    some = found(key, PARENT, {"from": "child", "to": "child"})
    parent = TABLES["parent"]
    return Binding(parent, parent.columns, (0,), links=some)


def test_children_leave_before_their_parent_and_in_its_place() -> None:
    """What was written before the removal goes with it, what comes after stays."""
    parent, child = parent_binding(CASCADES), Binding(TABLES["child"], TABLES["child"].columns, (0,))
    before: Write = (UPSERT, (b"7",), (b"7", b"1"))
    again: Write = (UPSERT, (b"1",), (b"1", b"again"))
    made = batching.steps(
        [writes(child, before), writes(parent, (REMOVE, (b"1",), None), again), writes(child, before)]
    )
    kinds = [(type(step), getattr(step, "binding", child).table.name) for step in made]
    assert kinds == [
        (Upserts, "child"), (Cascade, "parent"), (Removes, "parent"), (Upserts, "parent"), (Upserts, "child"),
    ]  # fmt: skip


def test_a_batch_without_removals_is_not_split() -> None:
    """A table with children costs nothing more while its rows stay."""
    parent = parent_binding(CASCADES)
    write: Write = (CHANGE, (b"1",), (b"1", b"x"))
    (step,) = batching.steps([writes(parent, write), writes(parent, write)])
    assert isinstance(step, Upserts)


def nobody(link: Link, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
    raise AssertionError("a child without children of its own is not read")


def steps_of(key: ForeignKey, *keys: tuple[Row, Row | None]) -> list[Step]:
    return list(expand(Cascade(parent_binding(key), keys), nobody))


def test_removed_and_moved_parents_reach_their_children() -> None:
    """CASCADE removes and moves, SET NULL clears; one key is one change."""
    (removed,) = steps_of(CASCADES, ((b"1",), None), ((b"2",), None))
    assert isinstance(removed, Removes)
    assert removed.keys == [(b"1",), (b"2",)]
    (moved,) = steps_of(CASCADES, ((b"1",), (b"9",)))
    assert isinstance(moved, Ordered)
    assert moved.writes == [(CHANGE, (b"1",), (b"9", UNSENT))]
    (cleared,) = steps_of(CLEARS, ((b"1",), None))
    assert isinstance(cleared, Ordered)
    assert cleared.writes == [(CHANGE, (b"1",), (None, UNSENT))]


def test_a_circle_ends() -> None:
    """Rows that refer to each other are followed once."""
    staff = table("staff", "id", "boss")
    binding = Binding(staff, (staff.columns[1], staff.columns[0]), (0,))
    link = Link(binding, ("id",), "CASCADE", "RESTRICT")
    parent = Binding(staff, staff.columns, (0,), links={staff.full_name: (link,)})
    ring = {b"1": b"2", b"2": b"1"}

    def children(link: Link, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        assert columns == ("id",)
        return [(child,) for child, boss in ring.items() if (boss,) in keys]

    made = list(expand(Cascade(parent, [((b"1",), None)]), children))
    assert [step.keys for step in made if isinstance(step, Removes)] == [[(b"2",)], [(b"1",)]]


def test_a_child_that_is_its_foreign_key_alone_moves_only_where_it_is() -> None:
    """Such a change is a whole row: without a child to move it would make one."""
    tags = table("tags", "parent")
    link = Link(Binding(tags, tags.columns, (0,)), ("id",), "CASCADE", "CASCADE")
    parent = Binding(TABLES["parent"], TABLES["parent"].columns, (0,), links={TABLES["parent"].full_name: (link,)})

    def children(link: Link, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        assert columns == ("parent",)
        return [key for key in keys if key == (b"1",)]

    made = list(expand(Cascade(parent, [((b"1",), (b"2",)), ((b"5",), (b"6",))]), children))
    assert [step.writes for step in made if isinstance(step, Ordered)] == [[(CHANGE, (b"1",), (b"2",))]]
