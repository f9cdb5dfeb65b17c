"""The pages that list types and functions say what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdc_agent.conversions import type_table
from cdc_agent.conversions.base import Code
from cdc_agent.expressions import function_table

DOCS = Path(__file__).parents[2] / "docs"


def test_the_type_page_is_what_the_code_writes() -> None:
    """`python -m cdc_agent.conversions.type_table > docs/types.md` brings it up to date."""
    assert (DOCS / "types.md").read_text() == type_table.document()


def test_the_function_list_is_what_the_code_writes() -> None:
    """The part of docs/mapping.md between its marks comes from `python -m cdc_agent.expressions.function_table`."""
    page = (DOCS / "mapping.md").read_text()
    listed = page.partition(function_table.START)[2].partition(function_table.END)[0]
    assert listed == function_table.document()


@pytest.mark.parametrize("code", list(Code))
def test_every_reason_is_explained(code: Code) -> None:
    """A code in the quarantine can be looked up."""
    assert f"| `{code}` |" in (DOCS / "types.md").read_text()
