"""``cdc-agent grants``: the least rights that work, as SQL for a DBA.

In: a configuration and the names of pipelines; no connection, since the roles may not be there yet. Out: for each
database the statements that make its role able to do what the pipelines need, and nothing else. The tests set up and
run pipelines with roles that were made by these statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from cdc_agent.config.model import Config, Database, Engine, PipelineSettings, SchemaChanges
from cdc_agent.config.names import publication_name, split_name
from cdc_agent.model.echo import CHECKPOINT
from cdc_agent.preflight.side import FILL_IN, Needs
from cdc_agent.preflight.sides import SIDES

__all__ = ["FILL_IN", "grants"]


def grants(config: Config, names: Sequence[str], *, create_tables: bool = False) -> dict[str, list[str]]:
    """Database name → statements, in the order in which a DBA runs them; comments are statements of their own.

    `create_tables` asks for what ``setup --create-tables`` needs as well.
    """
    needs = _needs(config, names)
    for one in needs.values():
        one.creates = create_tables
    made: set[_Role] = set()
    printed: dict[str, list[str]] = {}
    for name, need in needs.items():
        database = config.databases[name]
        reads = any(one.source for other, one in needs.items() if _role(config.databases[other]) == _role(database))
        printed[name] = [
            *_account(database, reads, new=_role(database) not in made),
            *SIDES[database.engine].rights(database, need),
        ]
        made.add(_role(database))
    return printed


_Role: TypeAlias = "tuple[Engine, str, int, str]"


def _role(database: Database) -> _Role:
    """Databases of one server may share a role, which is made once."""
    return database.engine, database.host, database.port, database.user


def _account(database: Database, reads: bool, *, new: bool) -> Iterator[str]:
    if not new:
        yield f"-- the role {database.user} is made above"
    else:
        yield SIDES[database.engine].account(database, reads=reads)


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
        for (schema, table), route in zip(_tables(config, settings, "target"), settings.tables, strict=True):
            _add(target.writes, schema, table)
            if (route.schema_changes or settings.schema_changes) is SchemaChanges.FOLLOW:
                target.follows.append((schema, table))
        target.truncates |= any(route.truncate for route in settings.tables)
        target.suppresses |= settings.triggers != "fire"
    return needs


def _tables(config: Config, settings: PipelineSettings, role: str) -> Iterator[tuple[str, str]]:
    database = config.databases[settings.source if role == "source" else settings.target]
    for route in settings.tables:
        schema, table = split_name(route.from_ if role == "source" else route.to, database.default_schema)
        yield schema, table if "*" not in table else "*"


def _add(tables: dict[str, list[str]], schema: str, table: str) -> None:
    names = tables.setdefault(schema, [])
    if table not in names:
        names.append(table)
