"""The figures about the code's own shape are counted, not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import structure

AGENT = Path(__file__).parents[2] / "cdc_agent"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Two rooms with an arrow between them, and one function with a docstring."""
    folder = tmp_path / "made"
    (folder / "upper").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "lower.py").write_text('def one(x):\n    """Says\n    so."""\n    y = x\n    return y\n')
    (folder / "upper" / "__init__.py").write_text("")
    (folder / "upper" / "top.py").write_text("def two():\n    from made.lower import one\n    return one\n")
    return folder


def test_an_arrow_is_an_import_from_another_room(package: Path) -> None:
    """Also one inside a function."""
    assert structure.arrows(structure.read(package)) == {
        "made": set(),
        "made.lower": set(),
        "made.upper": {"made.lower"},
    }


def test_a_function_is_as_long_as_its_lines_without_the_docstring(package: Path) -> None:
    """A long docstring does not make a long function."""
    functions = [one for module in structure.read(package).values() for one in module.functions]
    assert sorted(functions) == [(3, "made.lower.one"), (3, "made.upper.top.two")]


def test_a_circle_is_named(package: Path) -> None:
    """Whoever made it sees the way round."""
    (package / "lower.py").write_text("from made.upper import top\n")
    assert "made.lower" in structure.circle({name: one.imports for name, one in structure.read(package).items()})
    page = structure.report(package)
    assert "circles of modules: made." in page
    assert "circles of rooms: made." in page


def test_the_agent_has_no_circle() -> None:
    """Neither between modules nor between rooms."""
    page = structure.report(AGENT)
    assert "circles of modules: none" in page
    assert "circles of rooms: none" in page
