"""``cdc-agent grants``: the least rights that work, as SQL for a DBA.

In: a configuration and the names of pipelines; no connection, since the roles may not be there yet. Out: for each
database the statements that make its role able to do what the pipelines need, and nothing else. The tests set up and
run pipelines with roles that were made by these statements.

https://www.postgresql.org/docs/current/logical-replication-security.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cdc_agent.config.model import Config, Database, Engine, PipelineSettings
from cdc_agent.config.names import publication_name, split_name
from cdc_agent.engines.mysql.identifiers import quote as mysql_quote
from cdc_agent.engines.postgres.identifiers import quote as pg_quote
from cdc_agent.flow import ends as databases
from cdc_agent.model.changes import TableName
from cdc_agent.model.echo import CHECKPOINT
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.store import versions

FILL_IN: Final = "…"
"""Stands where the DBA writes the role's password."""
READ: Final = ("SELECT",)
WRITE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(slots=True)
class Needs:
    """What one database's role needs, over all pipelines."""

    reads: dict[str, list[str]] = field(default_factory=dict)
    """schema → tables; ``*`` for all of its tables."""
    writes: dict[str, list[str]] = field(default_factory=dict)
    truncates: bool = False
    suppresses: bool = False
    """A pipeline asks for triggers and foreign keys to be suppressed."""
    publications: dict[str, list[TableName]] = field(default_factory=dict)
    """publication → tables; ``*`` for all of a schema's."""

    @property
    def source(self) -> bool:
        return bool(self.reads)

    @property
    def target(self) -> bool:
        return bool(self.writes)


def grants(config: Config, names: Sequence[str]) -> dict[str, list[str]]:
    """Database name → statements, in the order in which a DBA runs them; comments are statements of their own."""
    needs = _needs(config, names)
    made: set[_Role] = set()
    printed: dict[str, list[str]] = {}
    for name, need in needs.items():
        database = config.databases[name]
        reads = any(one.source for other, one in needs.items() if _role(config.databases[other]) == _role(database))
        printed[name] = [*_account(database, reads, new=_role(database) not in made), *_statements(database, need)]
        made.add(_role(database))
    return printed


_Role: TypeAlias = "tuple[Engine, str, int, str]"


def _role(database: Database) -> _Role:
    """Databases of one server may share a role, which is made once."""
    return database.engine, database.host, database.port, database.user


def _account(database: Database, reads: bool, *, new: bool) -> Iterator[str]:
    if not new:
        yield f"-- the role {database.user} is made above"
    elif database.engine is Engine.POSTGRES:
        login = "LOGIN REPLICATION" if reads else "LOGIN"
        yield f"CREATE ROLE {pg_quote(database.user)} {login} PASSWORD '{FILL_IN}'"
    else:
        yield f"CREATE USER {mysql_quote(database.user)}@'%' IDENTIFIED BY '{FILL_IN}'"


def _needs(config: Config, names: Sequence[str]) -> dict[str, Needs]:
    needs: dict[str, Needs] = {}
    targets = {config.pipelines[name].target for name in names}
    for name in names:
        settings = config.pipelines[name]
        source = needs.setdefault(settings.source, Needs())
        target = needs.setdefault(settings.target, Needs())
        published = source.publications.setdefault(publication_name(name, settings), [])
        for schema, table in _tables(config, settings, "source"):
            _add(source.reads, schema, table)
            published.append((schema, table))
        if settings.source in targets:
            published.append(CHECKPOINT)
        for schema, table in _tables(config, settings, "target"):
            _add(target.writes, schema, table)
        target.truncates |= any(route.truncate for route in settings.tables)
        target.suppresses |= settings.triggers != "fire"
    return needs


def _tables(config: Config, settings: PipelineSettings, role: str) -> Iterator[tuple[str, str]]:
    database = config.databases[settings.source if role == "source" else settings.target]
    for route in settings.tables:
        schema, table = split_name(route.from_ if role == "source" else route.to, databases.default_schema(database))
        yield schema, table if "*" not in table else "*"


def _add(tables: dict[str, list[str]], schema: str, table: str) -> None:
    names = tables.setdefault(schema, [])
    if table not in names:
        names.append(table)


def _statements(database: Database, needs: Needs) -> Iterator[str]:
    if database.engine is Engine.POSTGRES:
        yield from _postgres(database, needs)
    else:
        yield from _mysql(database, needs)


def _postgres(database: Database, needs: Needs) -> Iterator[str]:
    role, name = pg_quote(database.user), pg_quote(database.name)
    yield f"GRANT CONNECT{', TEMPORARY' if needs.target else ''} ON DATABASE {name} TO {role}"
    for schema in dict.fromkeys([*needs.reads, *needs.writes]):
        yield f"GRANT USAGE ON SCHEMA {pg_quote(schema)} TO {role}"
    for schema, tables in needs.reads.items():
        yield from _postgres_tables(READ, schema, tables, role)
    rights = (*WRITE, "TRUNCATE") if needs.truncates else WRITE
    for schema, tables in needs.writes.items():
        yield from _postgres_tables(rights, schema, tables, role)
    if needs.target:
        yield from _agent_schema(role)
    for publication, published in needs.publications.items():
        yield from _publication(publication, published, role)
    if needs.suppresses:
        yield "-- PostgreSQL 15 and newer: keeps triggers and foreign keys of the target from acting a second time"
        yield f"GRANT SET ON PARAMETER session_replication_role TO {role}"


def _agent_schema(role: str) -> Iterator[str]:
    """The role owns the schema and its tables, and nothing else."""
    yield f"CREATE SCHEMA cdc_agent AUTHORIZATION {role}"
    yield f"SET ROLE {role}"
    yield from (_without_comments(statement) for statement in versions.creation(Engine.POSTGRES))
    yield "RESET ROLE"


def _without_comments(statement: str) -> str:
    """A comment at the end would swallow the semicolon."""
    return re.sub(r"\s*--[^\n]*", "", statement).replace("\n    ", "\n")


def _publication(name: str, tables: list[TableName], role: str) -> Iterator[str]:
    """A table is published by its owner or a superuser; the agent's role needs no right on a publication to read it."""
    schemas = [schema for schema, table in tables if table == "*"]
    single = sorted({table for table in tables if table[0] not in schemas})
    if not schemas:
        yield from publications.sql(name, single, create=True)
        yield f"ALTER PUBLICATION {pg_quote(name)} OWNER TO {role}"
        return
    yield "-- PostgreSQL 15 and newer, as a superuser; before that, FOR TABLE with the tables one by one"
    listed = [f"TABLES IN SCHEMA {pg_quote(schema)}" for schema in dict.fromkeys(schemas)]
    listed += [f"TABLE {pg_quote(schema)}.{pg_quote(table)}" for schema, table in single]
    yield f"CREATE PUBLICATION {pg_quote(name)} FOR {', '.join(listed)} WITH (publish_via_partition_root = true)"


def _postgres_tables(rights: Sequence[str], schema: str, tables: Sequence[str], role: str) -> Iterator[str]:
    listed = ", ".join(rights)
    if "*" in tables:
        yield f"GRANT {listed} ON ALL TABLES IN SCHEMA {pg_quote(schema)} TO {role}"
        return
    names = ", ".join(f"{pg_quote(schema)}.{pg_quote(table)}" for table in tables)
    yield f"GRANT {listed} ON {names} TO {role}"


def _mysql(database: Database, needs: Needs) -> Iterator[str]:
    user = f"{mysql_quote(database.user)}@'%'"
    if needs.source:
        yield f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {user}"
    for rights, tables in ((READ, needs.reads), (WRITE, needs.writes)):
        for schema, names in tables.items():
            for name in ["*"] if "*" in names else names:
                table = "*" if name == "*" else mysql_quote(name)
                yield f"GRANT {', '.join(rights)} ON {mysql_quote(schema)}.{table} TO {user}"
    if needs.target:
        own = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER, CREATE TEMPORARY TABLES"
        yield f"GRANT {own} ON `cdc_agent`.* TO {user}"
