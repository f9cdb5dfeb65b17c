"""Every code is documented, and has a test that provokes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cdc_agent import errors
from cdc_agent.errors import AgentError
from cdc_agent.preflight.findings import RULES

ROOT = Path(__file__).parents[2]


def error_codes() -> Iterator[tuple[str, type[AgentError]]]:
    """Every error class with its code."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, AgentError) and "code" in vars(value):
            yield value.code, value


def documented(pattern: str) -> dict[str, str]:
    """Code → title, from docs/errors.md."""
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return dict(re.findall(pattern, text, re.MULTILINE))


def test_every_error_is_documented_once() -> None:
    """docs/errors.md has a section for each error code, and none for a code that does not exist."""
    assert set(documented(r"^### ([A-Z]{2}\d{3}): (.+)$")) == {code for code, _ in error_codes()}


def test_every_finding_is_documented_in_its_own_words() -> None:
    """docs/errors.md lists each finding of check with the title that the program knows."""
    assert documented(r"^\| (PF\d{3}) \| ([^|]+) \|") == RULES


def test_codes_are_unique() -> None:
    """Two errors never share a code."""
    codes = [code for code, _ in error_codes()]
    assert len(codes) == len(set(codes))


def test_every_error_says_what_it_is() -> None:
    """A class has a docstring or a hint, so that its meaning stands beside its code."""
    assert [kind.__name__ for _, kind in error_codes() if not kind.__doc__ and not kind.hint] == []


def test_a_rendered_error_has_code_details_and_hint() -> None:
    """The form that the documentation shows."""
    error = errors.TakenOver("another agent took over pipeline p", details=["expected generation 7, found 8"])
    assert error.render().splitlines() == [
        "error CK002: another agent took over pipeline p",
        "  expected generation 7, found 8",
        "  hint: stop one of the two; `cdc-agent status` shows both",
    ]
