"""The least rights that work on MySQL and MariaDB, as SQL for a DBA."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql.identifiers import quote
from cdc_agent.model.changes import TableName
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
    writes = (*WRITE, "CREATE", "ALTER", "INDEX", "REFERENCES") if needs.creates else WRITE
    for rights, tables in ((READ, needs.reads), (writes, needs.writes)):
        for schema, names in tables.items():
            for name in ["*"] if "*" in names else names:
                table = "*" if name == "*" else quote(name)
                yield f"GRANT {', '.join(rights)} ON {quote(schema)}.{table} TO {user}"
    for schema, name in dict.fromkeys(needs.follows):
        table = "*" if name == "*" else quote(name)
        yield f"GRANT ALTER, CREATE, INDEX, REFERENCES ON {quote(schema)}.{table} TO {user}"
    if needs.target:
        own = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES"
        yield f"GRANT {own} ON `cdc_agent`.* TO {user}"


# --- what a user has ---------------------------------------------------------------------------------------------

_GRANT: Final = re.compile(r"GRANT (.+) ON (?:TABLE )?(`(?:[^`]|``)+`|\*)\.(`(?:[^`]|``)+`|\*) TO ")
_OTHER: Final = re.compile(r"GRANT (?:PROXY|.+ ON (?:PROCEDURE|FUNCTION|PACKAGE)) ")


@dataclass(frozen=True, slots=True)
class Held:
    """Rights on tables, as SHOW GRANTS lists them."""

    grants: tuple[tuple[frozenset[str], re.Pattern[str], str], ...]
    """(rights, databases, table or ``*``)"""

    def allows(self, right: str, table: TableName) -> bool:
        """Whether the right was given on the table, or on some of its columns."""
        schema, name = table
        return any(
            bool(rights & {right, "ALL PRIVILEGES"}) and schemas.fullmatch(schema) and one in ("*", name)
            for rights, schemas, one in self.grants
        )


def held(rows: Sequence[tuple[Any, ...]]) -> Held | None:
    """What SHOW GRANTS says; None where a role is granted, whose rights it does not list."""
    grants = []
    for (text,) in rows:
        match = _GRANT.match(str(text))
        if match is not None:
            words = re.sub(r"\([^)]*\)", "", match[1])
            rights = frozenset(word.strip() for word in words.split(","))
            grants.append((rights, _databases(match[2]), _unquoted(match[3])))
        elif not _OTHER.match(str(text)):
            return None
    return Held(tuple(grants))


def _unquoted(name: str) -> str:
    return name if name == "*" else name[1:-1].replace("``", "`")


def _databases(name: str) -> re.Pattern[str]:
    """Names of databases are patterns in a grant: ``_`` and ``%`` stand for others unless escaped."""
    if name == "*":
        return re.compile(".*")
    parts = re.findall(r"\\.|.", _unquoted(name))
    wild = {"_": ".", "%": ".*"}
    return re.compile("".join(wild.get(part, re.escape(part.removeprefix("\\"))) for part in parts))
