"""The store's tables as a whole: which version they have, and how they are made, upgraded and removed.

In: an `Admin`. Out: the version found; tables made, changed or dropped. Never changes tables of a newer program.

Every statement can be run again, so what was cut short at any point is mended by running all of it once more (MySQL
commits after each DDL statement). A version is noted only once all that leads to it is done, and new tables get theirs
at the very end: those of a creation that was cut short have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from cdc_agent.engines.admin import Admin
from cdc_agent.errors import AgentError
from cdc_agent.failpoints import around
from cdc_agent.model.engines import Engine
from cdc_agent.store import mysql, postgres
from cdc_agent.store.statements import Migration, Statement, Statements
from cdc_agent.store.tables import VERSION, require

STATEMENTS: Final[Mapping[Engine, Statements]] = {Engine.POSTGRES: postgres.ADMIN, Engine.MYSQL: mysql.ADMIN}

_HAS_VERSION: Final = (
    "SELECT 1 FROM information_schema.tables WHERE table_schema = 'cdc_agent' AND table_name = 'schema_version'"
)


def found(target: Admin) -> int:
    """The version of the tables that are there and that the role sees; 0 when there are none, or not all yet."""
    if not target.rows(_HAS_VERSION):
        return 0
    table = target.quote("cdc_agent", "schema_version")
    ((version,),) = target.rows(f"SELECT MAX({target.quote('version')}) FROM {table}")
    return int(version or 0)


def readable(target: Admin) -> int:
    """As `found`, for tables that this program can read, which includes older ones. Raises TablesTooNew."""
    version = found(target)
    if version > VERSION:
        require(version)
    return version


def schema_exists(target: Admin) -> bool:
    """Whether the schema cdc_agent (in MySQL: the database) is there."""
    return bool(target.rows(STATEMENTS[target.engine].schema_exists))


def bring_up(target: Admin) -> int:
    """Make the tables, or upgrade those of an older program; the version that they had, 0 for none.

    What is in them stays, and agents that run meanwhile go on. Several may do this at once. Raises TablesTooNew,
    PrivilegeMissing where the role may not, TransactionAborted when something holds a table for long.
    """
    statements = STATEMENTS[target.engine]
    target.run(statements.patience)
    version = readable(target)
    if version:
        _upgrade(target, statements, version)
    else:
        _create(target, statements)
    return version


def _create(target: Admin, statements: Statements) -> None:
    if not schema_exists(target):
        _run(target, [Statement(statements.create_schema)])
    for migration in statements.migrations:
        _run(target, migration.statements)
    target.run(statements.note([migration.version for migration in statements.migrations]))


def _upgrade(target: Admin, statements: Statements, version: int) -> None:
    for migration in _missing(statements, version):
        _run(target, migration.statements)
        target.run(statements.note([migration.version]))


def _missing(statements: Statements, version: int) -> list[Migration]:
    return [migration for migration in statements.migrations if migration.version > version]


def _run(target: Admin, steps: Iterable[Statement]) -> None:
    for step in steps:
        with around("store.migration"):
            _surely(target, step)


def _surely(target: Admin, step: Statement) -> None:
    try:
        _once(target, step)
    except AgentError:
        # Another setup was at it too, which the engines report in many ways, and it is done; else it fails again.
        _once(target, step)


def _once(target: Admin, step: Statement) -> None:
    if not step.done or not target.rows(step.done):
        target.run(step.sql)


def written_out(engine: Engine, version: int = 0) -> list[str]:
    """What leads from `version` to this program's, for a DBA to run in a schema that is there."""
    statements = STATEMENTS[engine]
    missing = _missing(statements, version)
    made = [_plain(statement.sql) for migration in missing for statement in migration.statements]
    return [*made, statements.note([migration.version for migration in missing])]


def _plain(statement: str) -> str:
    """Without comments, one of which would swallow a semicolon that follows, and without our indentation."""
    return re.sub(r"\s*--[^\n]*", "", statement).replace("\n    ", "\n").strip()


def drop(target: Admin) -> None:
    """Remove the agent's tables with everything in them."""
    target.run(STATEMENTS[target.engine].drop_schema)
