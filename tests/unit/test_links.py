"""Which foreign keys of a source can be followed on the target, and in which order children are dealt with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cdc_agent.config.model import PipelineSettings
from cdc_agent.flow import batching
from cdc_agent.mapping.links import linked, links
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.steps import Cascade, Ordered, Removes, Step, Upserts
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Row, Type
from cdc_agent.model.writes import (
    CHANGE,
    REMOVE,
    UPSERT,
    Binding,
    Link,
    Plan,
    Provenance,
    Write,
    Writes,
    constant,
)
from cdc_agent.targets.cascades import expand
from tests.support.mapping import writes

INTEGER = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
INTEGER_ID = TargetColumn("id", INTEGER, nullable=False, has_default=False)
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
        [PARENT, {"from": "child", "to": "wide"}],
        [PARENT, {"from": "child", "to": "nowhere"}],
    ],
)
def test_a_key_that_the_target_cannot_tell_is_not_followed(routes: list[dict[str, Any]]) -> None:
    """An unrouted end, a filtered parent, a computed column, another type."""
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
    assert kinds == [(Upserts, "child"), (Cascade, "parent"), (Upserts, "parent"), (Upserts, "child")]


def test_a_batch_without_removals_is_not_split() -> None:
    """A table with children costs nothing more while its rows stay."""
    parent = parent_binding(CASCADES)
    write: Write = (CHANGE, (b"1",), (b"1", b"x"))
    (step,) = batching.steps([writes(parent, write), writes(parent, write)])
    assert isinstance(step, Upserts)


def test_removals_that_follow_each_other_are_one_set_for_each_table() -> None:
    """A log that names parents and children one by one is not applied one by one."""
    parent, child = parent_binding(CASCADES), Binding(TABLES["child"], TABLES["child"].columns, (0,))
    segments = [writes(bound, (REMOVE, (b"%d" % number,), None)) for number in range(3) for bound in (parent, child)]
    made = batching.steps(segments)
    assert [type(step) for step in made] == [Cascade, Removes] or [type(step) for step in made] == [Removes, Cascade]


def nobody(binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
    raise AssertionError("a child without children of its own is not read")


def steps_of(key: ForeignKey, *made: Write) -> list[Step]:
    """What becomes of the children."""
    parent = parent_binding(key)
    return [step for step in expand(Cascade(parent, made), nobody) if step.binding is not parent]  # type: ignore[union-attr]


def test_removed_and_moved_parents_reach_their_children() -> None:
    """CASCADE removes and moves, SET NULL clears; one key is one change."""
    (removed,) = steps_of(CASCADES, (REMOVE, (b"1",), None), (REMOVE, (b"2",), None))
    assert isinstance(removed, Removes)
    assert removed.keys == [(b"1",), (b"2",)]
    (moved,) = steps_of(CASCADES, (CHANGE, (b"1",), (b"9", UNSENT)))
    assert isinstance(moved, Ordered)
    assert moved.writes == [(CHANGE, (b"1",), (b"9", UNSENT))]
    (cleared,) = steps_of(CLEARS, (REMOVE, (b"1",), None))
    assert isinstance(cleared, Ordered)
    assert cleared.writes == [(CHANGE, (b"1",), (None, UNSENT))]


def test_the_parents_own_write_stands_where_keys_that_are_checked_allow_it() -> None:
    """A parent leaves behind its children, and changes before them."""
    parent = parent_binding(CASCADES)
    removed = list(expand(Cascade(parent, [(REMOVE, (b"1",), None)]), nobody))
    assert [getattr(step, "binding", None) is parent for step in removed] == [False, True]
    moved = list(expand(Cascade(parent, [(CHANGE, (b"1",), (b"9", b"x"))]), nobody))
    assert [getattr(step, "binding", None) is parent for step in moved] == [True, False]


NAMES = ForeignKey("fk", ("parent",), ("app", "parent"), ("name",), "CASCADE", "CASCADE")


def by_name(before: Row | None, *made: Write) -> list[Step]:
    """The children of the parent 1, whose name is n, by a key to its name; its rows come with a before-image."""
    child = replace(
        TABLES["child"], columns=(INTEGER_ID, TargetColumn("parent", TEXT, nullable=True, has_default=False))
    )
    parent = replace(
        TABLES["parent"], columns=(INTEGER_ID, TargetColumn("name", TEXT, nullable=True, has_default=False))
    )
    described = {"parent": parent, "child": child}
    settings = PipelineSettings.model_validate(
        {"source": "a", "target": "b", "tables": [PARENT, {"from": "child", "to": "child"}]}
    )
    routing = Routes(settings, source_engine="mysql", source_default_schema="app", target_default_schema="public")
    some = links([(("app", "child"), NAMES)], routing, lambda schema, name: described.get(name))
    plan = linked(Plan(Binding(parent, parent.columns, (0,)), lambda changes, rejections: [], lambda row: row), some)
    run = Writes(plan.binding, made, constant(Provenance()), [before] * len(made))

    def read(binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        assert (binding.table.name, keys, columns) == ("parent", [(b"1",)], ("name",))
        return [(b"n",)]

    steps = batching.steps([run])
    return [one for step in steps if isinstance(step, Cascade) for one in expand(step, read)]


def test_a_key_to_another_unique_key_is_followed_by_what_the_target_holds() -> None:
    """The log names the parent by its primary key alone."""
    children, _ = by_name(None, (REMOVE, (b"1",), None))
    assert isinstance(children, Removes)
    assert children.keys == [(b"n",)]


def test_only_a_change_of_what_children_refer_to_reaches_them() -> None:
    """The before-image tells; where the log has none of it the change may be one."""
    _, moved = by_name((b"1", b"n"), (CHANGE, (b"1",), (b"1", b"m")))
    assert isinstance(moved, Ordered)
    assert moved.writes == [(CHANGE, (b"n",), (b"m", UNSENT))]
    assert by_name((b"1", b"n"), (CHANGE, (b"1",), (b"1", b"n"))) == []
    assert len(by_name(None, (CHANGE, (b"1",), (b"1", b"m")))) == 2
    assert by_name(None, (CHANGE, (b"1",), (b"1", UNSENT))) == []


def test_a_circle_ends() -> None:
    """Rows that refer to each other are followed once."""
    staff = table("staff", "id", "boss")
    binding = Binding(staff, (staff.columns[1], staff.columns[0]), (0,))
    link = Link(binding, ("id",), "CASCADE", "RESTRICT")
    parent = Binding(staff, staff.columns, (0,), links={staff.full_name: (link,)})
    ring = {b"1": b"2", b"2": b"1"}

    def children(binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        assert columns == ("id",)
        return [(child,) for child, boss in ring.items() if (boss,) in keys]

    made = list(expand(Cascade(parent, [(REMOVE, (b"1",), None)]), children))
    assert [step.keys for step in made if isinstance(step, Removes)] == [[(b"2",)], [(b"1",)], [(b"1",)]]


def test_what_refers_to_a_cleared_column_follows() -> None:
    """A grandchild that refers to the child's own foreign key is cleared with it."""
    grandchild, child = table("grandchild", "id", "owner"), TABLES["child"]
    below = Link(Binding(grandchild, grandchild.columns[::-1], (0,)), ("parent",), "CASCADE", "SET NULL")
    above = Link(Binding(child, child.columns[::-1], (0,)), ("id",), "SET NULL", "CASCADE")
    parent = TABLES["parent"]
    binding = Binding(parent, parent.columns, (0,), links={parent.full_name: (above,), child.full_name: (below,)})

    def children(binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        assert (binding.table.name, columns) == ("child", ("parent",))
        return [(b"1",)]

    first, second, _ = expand(Cascade(binding, [(REMOVE, (b"1",), None)]), children)
    assert isinstance(first, Ordered)
    assert isinstance(second, Ordered)
    assert first.writes == second.writes == [(CHANGE, (b"1",), (None, UNSENT))]
    assert second.binding.table.name == "grandchild"


def test_a_child_that_is_its_foreign_key_alone_moves_only_where_it_is() -> None:
    """Such a change is a whole row: without a child to move it would make one."""
    tags = table("tags", "parent")
    link = Link(Binding(tags, tags.columns, (0,)), ("id",), "CASCADE", "CASCADE")
    parent = Binding(TABLES["parent"], TABLES["parent"].columns, (0,), links={TABLES["parent"].full_name: (link,)})

    def children(binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        assert columns == ("parent",)
        return [key for key in keys if key == (b"1",)]

    moves: list[Write] = [(CHANGE, (b"1",), (b"2", UNSENT)), (CHANGE, (b"5",), (b"6", UNSENT))]
    made = list(expand(Cascade(parent, moves), children))
    assert [step.writes for step in made if isinstance(step, Ordered) and step.binding is link.child] == [
        [(CHANGE, (b"1",), (b"2",))]
    ]
