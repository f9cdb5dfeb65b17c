"""How `check` shows what it found: few findings one by one, many by what causes them."""

from __future__ import annotations

from dataclasses import replace

from cdc_agent.preflight.findings import Finding, error, render, warning


def misfit(number: int, types: str) -> Finding:
    found = warning("PF045", f"p: s.t{number} → t.t{number}", f"column c some values of {types}", "rows: quarantine")
    return replace(found, cause=f"some values of {types}", subject=f"t{number}.c")


def test_few_findings_are_shown_one_by_one() -> None:
    """Errors first, each with its hint."""
    text = render([misfit(1, "a"), error("PF041", "p", "there is no table", "create it")])
    assert text.splitlines() == [
        "error PF041: p: there is no table",
        "  hint: create it",
        "warning PF045: p: s.t1 → t.t1: column c some values of a",
        "  hint: rows: quarantine",
        "1 errors, 1 warnings, 0 notes",
    ]


def test_many_findings_of_one_code_are_grouped_by_cause() -> None:
    """755 warnings are a few lines; --verbose shows all."""
    found = [misfit(number, f"type {min(number % 12, 8)}") for number in range(755)]
    lines = render(found).splitlines()
    assert lines[0] == "warning PF045: 755 times: a column's values may not fit their target"
    assert lines[1] == "  251 × some values of type 8: t8.c, t9.c, t10.c, t11.c and 247 more"
    assert lines[-3:] == [
        "  and 3 more causes",
        "  hint: rows: quarantine",
        "0 errors, 755 warnings, 0 notes; --verbose shows each",
    ]
    assert len(lines) == 10
    assert len(render(found, everything=True).splitlines()) == 2 * 755 + 1


def test_hints_that_differ_are_told_apart() -> None:
    """A hint that names one table is said to be for that one."""
    found = [error("PF043", f"t{number}", "fails", f"ALTER TABLE t{number}") for number in range(5)]
    assert render(found).splitlines()[2] == "  hint, for the first: ALTER TABLE t0"
