"""The least rights that work on PostgreSQL, as SQL for a DBA.

https://www.postgresql.org/docs/current/logical-replication-security.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cdc_agent.config.model import Database, Engine
from cdc_agent.engines.postgres.identifiers import literal, qualified, quote
from cdc_agent.model.changes import TableName
from cdc_agent.preflight.side import FILL_IN, READ, WRITE, Needs
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.store import versions


def account(database: Database, *, reads: bool) -> str:
    """The statement that makes the role."""
    login = "LOGIN REPLICATION" if reads else "LOGIN"
    return f"CREATE ROLE {quote(database.user)} {login} PASSWORD '{FILL_IN}'"


def own_store(user: str, version: int) -> list[str]:
    """What gives a role the schema cdc_agent, or changes tables of `version` that another role owns."""
    if version:
        rights = f"GRANT {', '.join(WRITE)} ON ALL TABLES IN SCHEMA cdc_agent TO {quote(user)}"
        return [*versions.written_out(Engine.POSTGRES, version), rights]
    return [f"CREATE SCHEMA cdc_agent AUTHORIZATION {quote(user)}"]


def rights(database: Database, needs: Needs) -> Iterator[str]:
    role, name = quote(database.user), quote(database.name)
    yield f"GRANT CONNECT{', TEMPORARY' if needs.target else ''} ON DATABASE {name} TO {role}"
    for schema in dict.fromkeys([*needs.reads, *needs.writes]):
        yield f"GRANT USAGE ON SCHEMA {quote(schema)} TO {role}"
    for schema, tables in needs.reads.items():
        yield from _tables(READ, schema, tables, role)
    rights = (*WRITE, "TRUNCATE") if needs.truncates else WRITE
    for schema, tables in needs.writes.items():
        yield from _tables(rights, schema, tables, role)
    yield from _following(needs.follows, role)
    for schema in needs.writes if needs.creates else ():
        yield f"GRANT CREATE ON SCHEMA {quote(schema)} TO {role}"
    if needs.target:
        yield from _agent_schema(role)
    for publication, published in needs.publications.items():
        yield from _publication(publication, published, role)
    if needs.suppresses:
        yield from _suppression(role)


def _following(tables: Sequence[TableName], role: str) -> Iterator[str]:
    """Only its owner alters a table; the owner's role given to the agent's is enough."""
    if tables:
        yield "-- `schema_changes: follow`: the role must own the tables that it alters, or be given their owner's role"
    for schema in dict.fromkeys(schema for schema, name in tables if name == "*"):
        yield f"GRANT CREATE ON SCHEMA {quote(schema)} TO {role}"
    for schema, name in dict.fromkeys(tables):
        if name != "*":
            yield f"ALTER TABLE {quote(schema)}.{quote(name)} OWNER TO {role}"


def _suppression(role: str) -> Iterator[str]:
    """One statement for every version: `grants` asks no server, and one that fails would undo a DBA's whole script."""
    yield "-- keeps triggers and foreign keys of the target from acting a second time; before PostgreSQL 15 they act"
    grant = literal(f"GRANT SET ON PARAMETER session_replication_role TO {role}")
    is_there = "current_setting('server_version_num')::int >= 150000"
    yield f"DO {literal(f'BEGIN IF {is_there} THEN EXECUTE {grant}; END IF; END')}"


def _agent_schema(role: str) -> Iterator[str]:
    """The role owns the schema and its tables, and nothing else."""
    yield f"CREATE SCHEMA cdc_agent AUTHORIZATION {role}"
    yield f"SET ROLE {role}"
    yield from versions.written_out(Engine.POSTGRES)
    yield "RESET ROLE"


def _publication(name: str, tables: list[TableName], role: str) -> Iterator[str]:
    """A table is published by its owner or a superuser; the agent's role needs no right on a publication to read it."""
    schemas = [schema for schema, table in tables if table == "*"]
    single = sorted({table for table in tables if table[0] not in schemas})
    if not schemas:
        yield from publications.sql(name, single, create=True)
        yield f"ALTER PUBLICATION {quote(name)} OWNER TO {role}"
        return
    yield "-- the tables that the schema has now, but for those without an identity, whose updates would fail"
    yield f"DO {literal(_published_schemas(name, list(dict.fromkeys(schemas)), single))}"
    yield f"ALTER PUBLICATION {quote(name)} OWNER TO {role}"


def _published_schemas(name: str, schemas: Sequence[str], single: Sequence[TableName]) -> str:
    """A block that makes the publication; `grants` asks no server which tables there are."""
    listed = ", ".join(f"ONLY {qualified(*table)}" for table in single)
    head, tail = f"CREATE PUBLICATION {quote(name)} ", f" WITH ({publications.OPTIONS})"
    return f"""DECLARE listed text; BEGIN
SELECT string_agg(format('ONLY %I.%I', n.nspname, c.relname), ', ' ORDER BY n.nspname, c.relname) INTO listed
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ({", ".join(map(literal, schemas))}) AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
AND NOT c.relispartition AND (c.relkind = 'p' OR {publications.IDENTIFIED.strip()});
listed := nullif(concat_ws(', ', nullif({literal(listed)}, ''), listed), '');
EXECUTE {literal(head)} || coalesce('FOR TABLE ' || listed, '') || {literal(tail)}; END"""


def _tables(rights: Sequence[str], schema: str, tables: Sequence[str], role: str) -> Iterator[str]:
    listed = ", ".join(rights)
    if "*" in tables:
        yield f"GRANT {listed} ON ALL TABLES IN SCHEMA {quote(schema)} TO {role}"
        yield f"-- for tables to come: run as each role that creates tables in {quote(schema)}, or with FOR ROLE"
        yield f"ALTER DEFAULT PRIVILEGES IN SCHEMA {quote(schema)} GRANT {listed} ON TABLES TO {role}"
        return
    names = ", ".join(f"{quote(schema)}.{quote(table)}" for table in tables)
    yield f"GRANT {listed} ON {names} TO {role}"
