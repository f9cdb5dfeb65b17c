"""The store's migrations as texts: numbered without gaps, and never edited once they were released."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdc_agent.model.engines import Engine
from cdc_agent.store import versions
from cdc_agent.store.tables import VERSION

FROZEN = Path(__file__).parents[1] / "contract" / "store"


def words(text: str) -> list[str]:
    """A statement without its layout and comments."""
    return " ".join(line.partition("--")[0] for line in text.splitlines()).split()


@pytest.mark.parametrize("engine", list(Engine))
def test_migrations_are_numbered_up_to_the_programs_version(engine: Engine) -> None:
    """Each engine has one migration to each version, in order, and the last is the one that the program asks for."""
    found = [migration.version for migration in versions.STATEMENTS[engine].migrations]
    assert found == list(range(1, VERSION + 1))


@pytest.mark.parametrize("engine", list(Engine))
def test_the_first_migration_is_what_0_1_0_made(engine: Engine) -> None:
    """New tables start from the very statements of 0.1.0: between its schema and its note of the version."""
    name = "postgres" if engine is Engine.POSTGRES else "mysql"
    frozen = (FROZEN / f"0.1.0-{name}.sql").read_text(encoding="utf-8").split(";\n")[1:-2]
    first = versions.STATEMENTS[engine].migrations[0]
    assert [words(statement.sql) for statement in first.statements] == [words(statement) for statement in frozen]


def test_a_dba_gets_only_what_is_missing_and_no_comment() -> None:
    """What is written out for tables of version 1 leaves out how they were made; nothing swallows a semicolon."""
    whole, rest = (versions.written_out(Engine.POSTGRES, version) for version in (0, 1))
    assert whole[-1] == "INSERT INTO cdc_agent.schema_version (version) VALUES (1), (2), (3) ON CONFLICT DO NOTHING"
    assert rest[-1] == "INSERT INTO cdc_agent.schema_version (version) VALUES (2), (3) ON CONFLICT DO NOTHING"
    assert set(rest[:-1]) < set(whole)
    assert [line for line in whole if "--" in line or line.endswith(";")] == []
