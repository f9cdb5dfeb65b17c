"""What the store's two files of SQL have in common: the statements of setup, status, quarantine and teardown.

Parameters are ``%s``, as `engines.admin.Admin` takes them. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a migration. Running it again changes nothing, or else `done` tells when it must not be run."""

    sql: str
    done: str = ""
    """A question that has a row once `sql` was run; for what the engine cannot make conditional by itself."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What leads from the version before to `version`."""

    version: int
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Statements:
    """One engine's statements, and parts of them, outside the flow."""

    patience: str
    """Limits the session's waits for locks. A statement of a migration that waits for a table holds up whoever comes
    after it, and a running agent gives up only after a longer time."""
    schema_exists: str
    """A row when the schema is there."""
    create_schema: str
    drop_schema: str
    migrations: tuple[Migration, ...]
    note: Callable[[Sequence[int]], str]
    """The statement that notes versions as reached."""
    age: str
    """An expression over a checkpoint row: seconds since it was written, by the server's clock."""


def rows_of(versions: Sequence[int]) -> str:
    """``(1), (2)``, for VALUES."""
    return ", ".join(f"({version:d})" for version in versions)
