"""The generator behind the tests with many tables: what it promises of its schemas."""

from __future__ import annotations

import pytest

from tests.support import crm


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_schema_is_as_large_as_asked_and_the_same_for_its_seed(seed: int) -> None:
    """A hundred and sixty tables, more than two hundred acting keys, trees, links, circles and parents with codes."""
    made = crm.generate(seed)
    assert len({table.name for table in made.tables}) == 160
    assert made.acting >= 220
    assert sum(table.link for table in made.tables) >= 20
    assert any(reference.parent == table.name for table in made.tables for reference in table.references)
    assert any(table.later for table in made.tables)
    assert any(made.named[one.parent].coded for table in made.tables for one in table.references)
    assert made == crm.generate(seed)
    assert made != crm.generate(seed + 100)


def test_statements_are_alike_on_both_engines() -> None:
    """The same tables and foreign keys in the same order; PostgreSQL indexes its foreign keys itself."""
    made = crm.generate(tables=60, acting=80)
    counts = [
        [sum(what in statement for statement in made.statements(engine)) for what in ("CREATE TABLE", "FOREIGN KEY")]
        for engine in ("postgres", "mysql")
    ]
    assert counts[0] == counts[1]
    assert counts[0][0] == 60
