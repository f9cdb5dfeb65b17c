"""The least rights that work on MySQL and MariaDB, as SQL for a DBA."""

from __future__ import annotations

from collections.abc import Iterator

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql.identifiers import quote
from cdc_agent.preflight.side import FILL_IN, READ, WRITE, Needs


def account(database: Database) -> str:
    """The statement that makes the user."""
    return f"CREATE USER {quote(database.user)}@'%' IDENTIFIED BY '{FILL_IN}'"


def own_store(user: str) -> list[str]:
    """What gives a user the database cdc_agent."""
    return [f"GRANT ALL ON `cdc_agent`.* TO {quote(user)}"]


def rights(database: Database, needs: Needs) -> Iterator[str]:
    user = f"{quote(database.user)}@'%'"
    if needs.source:
        yield f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {user}"
    for rights, tables in ((READ, needs.reads), (WRITE, needs.writes)):
        for schema, names in tables.items():
            for name in ["*"] if "*" in names else names:
                table = "*" if name == "*" else quote(name)
                yield f"GRANT {', '.join(rights)} ON {quote(schema)}.{table} TO {user}"
    if needs.target:
        own = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES"
        yield f"GRANT {own} ON `cdc_agent`.* TO {user}"
