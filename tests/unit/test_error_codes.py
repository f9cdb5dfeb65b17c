"""Every code is documented, and has a test that provokes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cdc_agent import errors
from cdc_agent.errors import AgentError
from cdc_agent.preflight.findings import RULES

ROOT = Path(__file__).parents[2]

PROVOKED = {
    "CA000": "unit/test_cli.py",
    "CF001": "unit/test_config.py",
    "CK001": "contract/test_status.py",
    "CK002": "contract/test_target.py",
    "CK003": "contract/test_stops.py",
    "CK004": "contract/test_stops.py",
    "CK005": "contract/test_store.py",
    "CK006": "contract/test_store.py",
    "CK007": "contract/test_preflight.py",
    "DC001": "unit/test_pgoutput.py",
    "SL001": "contract/test_postgres_source.py",
    "SL002": "contract/test_postgres_source.py",
    "SL003": "contract/test_mysql_source.py",
    "SL004": "contract/test_postgres_source.py",
    "SL005": "contract/test_setup.py",
    "SL006": "contract/test_mysql_source.py",
    "SL007": "contract/test_visible.py",
    "SL008": "contract/test_postgres_source.py",
    "SL009": "contract/test_setup.py",
    "TG001": "contract/test_target.py",
    "TG002": "contract/test_target.py",
    "TG003": "contract/test_target.py",
    "TG004": "contract/test_target.py",
    "TG005": "contract/test_create_tables.py",
    "TG006": "contract/test_grants.py",
    "SC001": "scenarios/schema_stop/pipeline.yaml",
    "SC002": "scenarios/target_column_lost/pipeline.yaml",
    "SC003": "contract/test_stops.py",
    "TG007": "contract/test_stops.py",
    "DB001": "unit/test_mysql_engine.py",
    "DB002": "contract/test_mysql_connection.py",
    "TB001": "contract/test_tables.py",
    "TB002": "contract/test_tables.py",
    "TB003": "contract/test_tables.py",
    "TB004": "unit/test_entrance.py",
    "FP001": "faults/test_failpoints.py",
    "MP001": "contract/test_expressions_sql.py",
    "MP002": "contract/test_stops.py",
    "MP003": "contract/test_stops.py",
    "MP004": "scenarios/truncate_shared/pipeline.yaml",
    "PF001": "contract/test_preflight.py",
    "PF002": "unit/test_checks.py",
    "PF003": "unit/test_checks.py",
    "PF004": "contract/test_preflight.py",
    "PF005": "contract/test_preflight.py",
    "PF006": "contract/test_preflight.py",
    "PF007": "unit/test_cli.py",
    "PF010": "contract/test_preflight.py",
    "PF011": "contract/test_preflight.py",
    "PF012": "contract/test_preflight.py",
    "PF013": "contract/test_preflight.py",
    "PF014": "contract/test_preflight.py",
    "PF015": "contract/test_preflight.py",
    "PF016": "contract/test_preflight.py",
    "PF020": "contract/test_preflight.py",
    "PF021": "contract/test_preflight.py",
    "PF022": "contract/test_preflight.py",
    "PF023": "contract/test_preflight.py",
    "PF024": "contract/test_preflight.py",
    "PF025": "contract/test_preflight.py",
    "PF026": "contract/test_preflight.py",
    "PF027": "contract/test_preflight.py",
    "PF028": "contract/test_preflight.py",
    "PF029": "contract/test_preflight.py",
    "PF030": "contract/test_preflight.py",
    "PF040": "contract/test_preflight.py",
    "PF041": "contract/test_preflight.py",
    "PF042": "contract/test_preflight.py",
    "PF043": "contract/test_preflight.py",
    "PF044": "contract/test_preflight.py",
    "PF045": "contract/test_preflight.py",
    "PF046": "contract/test_preflight.py",
    "PF047": "contract/test_preflight.py",
    "PF048": "contract/test_preflight.py",
    "PF049": "contract/test_preflight.py",
    "PF050": "contract/test_preflight.py",
    "PF051": "contract/test_preflight.py",
    "PF052": "contract/test_preflight.py",
    "PF053": "contract/test_preflight.py",
    "PF054": "contract/test_preflight.py",
    "PF055": "contract/test_preflight.py",
    "PF060": "contract/test_preflight.py",
    "PF061": "contract/test_preflight.py",
    "PF062": "contract/test_preflight.py",
    "PF063": "contract/test_store.py",
    "PF064": "contract/test_preflight.py",
    "PF065": "contract/test_durability.py",
    "PF067": "contract/test_schema.py",
    "PF068": "contract/test_schema.py",
    "PF070": "contract/test_preflight.py",
    "PF071": "contract/test_preflight.py",
    "PF075": "contract/test_preflight.py",
}
"""Code → the tests that provoke it; they name the error's class or the code."""


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


def test_every_code_is_provoked_by_a_test() -> None:
    """A new code comes with the test that shows it."""
    classes = {code: kind.__name__ for code, kind in error_codes()}
    assert set(PROVOKED) == {*classes, *RULES}
    for code, file in PROVOKED.items():
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert code in text or classes.get(code, code) in text, f"{file} does not provoke {code}"
