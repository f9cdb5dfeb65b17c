"""Tables in the order of their foreign keys, whatever these are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdc_agent.model.tables import ForeignKey, TargetTable, parents_first


def table(number: int, refers_to: list[int]) -> TargetTable:
    keys = [ForeignKey(f"k{to}", ("a",), ("app", f"t{to}"), ("id",), "NO ACTION", "NO ACTION") for to in refers_to]
    return TargetTable("app", f"t{number}", (), ("id",), foreign_keys=tuple(keys))


@st.composite
def trees(draw: st.DrawFn) -> list[TargetTable]:
    """Tables whose keys refer to themselves, to tables of a lower number, or to tables that are not there."""
    count = draw(st.integers(1, 8))
    keys = [draw(st.lists(st.sampled_from([*range(number + 1), 99]), max_size=3)) for number in range(count)]
    return draw(st.permutations([table(number, refers_to) for number, refers_to in enumerate(keys)]))


@given(trees())
def test_parents_come_before_their_children(tables: list[TargetTable]) -> None:
    """Where no circle is, every key points backwards."""
    ordered = [one.full_name for one in parents_first(tables)]
    for one in tables:
        for key in one.foreign_keys:
            if key.references in ordered:
                assert ordered.index(key.references) <= ordered.index(one.full_name)


@given(st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=1, max_size=8))
def test_no_table_is_lost_in_a_circle(keys: list[list[int]]) -> None:
    """Each comes once, and the answer is the same every time."""
    tables = [table(number, refers_to) for number, refers_to in enumerate(keys)]
    ordered = parents_first(tables)
    assert sorted(one.name for one in ordered) == sorted(one.name for one in tables)
    assert parents_first(tables) == ordered


def test_a_circle_is_broken_at_the_table_that_came_first() -> None:
    """The rest of it keeps to its keys, and so does what hangs on it."""
    tables = [table(5, [1]), table(1, [3]), table(2, [1]), table(3, [2])]
    assert [one.name for one in parents_first(tables)] == ["t1", "t5", "t2", "t3"]
