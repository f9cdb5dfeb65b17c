"""In a circle of databases every change has one way to each of them, or the configuration is refused."""

from __future__ import annotations

import pytest

from cdc_agent.config.meshes import Hop, double_ways


def hops(*pairs: str, table: str = "public.t") -> list[Hop]:
    """`AB`: A's table goes to B."""
    return [Hop(pair, pair[0], table, pair[1], table) for pair in pairs]


@pytest.mark.parametrize(
    "pairs",
    [
        ("AB", "BA"),
        ("AB", "BC", "CA"),
        ("AB", "BA", "BC", "CB", "BD", "DB"),
        ("AB", "AC", "BD", "CD"),
    ],
    ids=["two", "ring", "star", "no way back"],
)
def test_one_way_is_allowed(pairs: tuple[str, ...]) -> None:
    """A pair, a ring in one direction, a star; and what never comes back."""
    assert list(double_ways(hops(*pairs))) == []


def test_a_mesh_is_named_with_both_ways() -> None:
    """Three databases that all feed each other: a change comes directly and through the third."""
    found = list(double_ways(hops("AB", "BA", "BC", "CB", "AC", "CA")))
    assert ("AC", ("A", "B", "C"), ("A", "C")) in found or ("BC", ("A", "C"), ("A", "B", "C")) in found


def test_tables_that_do_not_meet_are_no_mesh() -> None:
    """The third database exchanges another table."""
    assert list(double_ways([*hops("AB", "BA", "BC", "CB"), *hops("AC", "CA", table="public.u")])) == []
    assert list(double_ways([*hops("AB", "BA", "BC", "CB"), *hops("AC", "CA", table="public.*")])) != []
