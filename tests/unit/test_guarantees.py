"""docs/guarantees.md names a test for each promise, and each of these tests exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADINGS = ["Schema changes", "Foreign keys", "The log", "Rows", "Commands"]
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| what is promised")]
LINK = re.compile(r"`(tests/[^`]+)`")


def exists(link: str) -> bool:
    """`path::name` is a function in that file; a path alone is a file or a scenario's folder."""
    path, _, name = link.partition("::")
    if not name or not (ROOT / path).is_file():
        return not name and (ROOT / path).exists()
    tree = ast.parse((ROOT / path).read_text())
    return name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_headings_stand_in_their_order() -> None:
    """A reader finds a promise under the same five headings always."""
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("row", ROWS)
def test_each_promise_names_tests_that_exist(row: str) -> None:
    """A promise without a test is none."""
    links = LINK.findall(row)
    assert links
    assert [link for link in links if not exists(link)] == []


def test_a_test_that_does_not_exist_is_noticed() -> None:
    """The comparison above can fail."""
    assert not exists("tests/unit/test_guarantees.py::test_of_something_else")
    assert not exists("tests/scenarios/no_such_folder")
    assert exists("tests/unit/test_guarantees.py::exists")
