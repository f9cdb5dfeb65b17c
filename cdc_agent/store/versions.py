"""The store's tables as a whole: whether they are there, and how they are made and removed.

In: an `Admin`. Out: tables made or dropped. Never touches what is in them.
"""

from __future__ import annotations

from typing import Final

from cdc_agent.config.model import Engine
from cdc_agent.engines.admin import Admin
from cdc_agent.store import mysql, postgres
from cdc_agent.store.statements import Statements
from cdc_agent.store.tables import TABLES

STATEMENTS: Final[dict[Engine, Statements]] = {Engine.POSTGRES: postgres.ADMIN, Engine.MYSQL: mysql.ADMIN}


def exists(target: Admin) -> bool:
    """Whether all of the agent's tables are there (and visible to the role)."""
    found = target.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'cdc_agent' AND table_name IN "
        f"({', '.join(repr(name) for name in TABLES)})"
    )
    return len(found) == len(TABLES)


def schema_exists(target: Admin) -> bool:
    """Whether the schema cdc_agent (in MySQL: the database) is there."""
    return bool(target.rows(STATEMENTS[target.engine].schema_exists))


def create(target: Admin) -> None:
    """Create the schema and the tables. Raises PrivilegeMissing where the role may not."""
    if not schema_exists(target):
        target.run(STATEMENTS[target.engine].create_schema)
    for statement in creation(target.engine):
        target.run(statement)


def creation(engine: Engine) -> list[str]:
    """The statements that create the tables in their schema; running them again changes nothing."""
    statements = STATEMENTS[engine]
    made = [statement.sql.strip() for migration in statements.migrations for statement in migration.statements]
    return [*made, statements.note([migration.version for migration in statements.migrations])]


def drop(target: Admin) -> None:
    """Remove the agent's tables with everything in them."""
    target.run(STATEMENTS[target.engine].drop_schema)
