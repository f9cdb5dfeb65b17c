"""Checks of one route with both its tables. Each function is one check; `CHECKS` is all of them, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cdc_agent.config.model import Engine
from cdc_agent.conversions.convert import Context
from cdc_agent.errors import AgentError
from cdc_agent.mapping import links
from cdc_agent.mapping.plans import findings
from cdc_agent.model.changes import Change, Column, Identity, Table
from cdc_agent.model.tables import ForeignKey, TargetTable
from cdc_agent.model.values import Kind
from cdc_agent.preflight.context import OnRoute, RouteCheck
from cdc_agent.preflight.findings import Finding, error, info, warning


def source_key(on: OnRoute) -> Iterator[Finding]:
    """Without a key, rows are found by all of their columns."""
    if not on.source_table.primary_key and on.identity is not Identity.KEY:
        message = "the source table has no primary key: rows are matched as a whole, and slowly"
        yield warning("PF042", on.where, message, "add a primary key, or give the route a `key`")


def target_key(on: OnRoute) -> Iterator[Finding]:
    """The target needs a key as well, or its rows are found by all of their columns."""
    if not on.target_table.primary_key and on.route.key is None:
        message = "the target table has no primary key: changes search the whole table"
        yield warning("PF042", on.where, message, "add a primary key, or give the route a `key`")


def identity(on: OnRoute) -> Iterator[Finding]:
    """PostgreSQL refuses updates of a published table that logs nothing of old rows."""
    if on.source.settings.engine is Engine.POSTGRES and on.identity is Identity.NOTHING:
        schema, name = on.source_table.full_name
        hint = f"ALTER TABLE {on.source.server.quote(schema, name)} REPLICA IDENTITY FULL, or add a primary key"
        yield error("PF043", on.where, "updates and deletes on the source would fail: no replica identity", hint)


def mapping(on: OnRoute) -> Iterator[Finding]:
    """The route must compile against both tables as they are, and its values should fit."""
    try:
        found = findings(on.route, as_logged(on.source_table, on.identity), on.target_table, conversion_context(on))
    except AgentError as problem:
        details = f" ({'; '.join(problem.details)})" if problem.details else ""
        yield error("PF044", on.where, f"{problem.message}{details}", problem.advice)
        return
    for one in found:
        message = f"column {one.column} {one.message}"
        if one.severe:
            yield error("PF046", on.where, message, "map it, or give it a default")
        elif on.target_table.column(one.column) is None:
            yield info("PF052", on.where, message)
        else:
            yield warning("PF045", on.where, message, f"rows that do not fit: {on.route.misfit}")


def conversion_context(on: OnRoute) -> Context:
    """What conversions of this route depend on."""
    return Context(
        engine=on.target.server.flavor,
        source_engine=on.source.server.flavor,
        source_zone=on.source.settings.time_zone,
        target_zone=on.target.settings.time_zone,
        zero_dates=on.route.zero_dates,
    )


def as_logged(table: TargetTable, identity: Identity) -> Table:
    """The table as its log would describe it now; its decoder is never called."""
    names = [column.name for column in table.columns]
    key = tuple(names.index(name) for name in table.primary_key if name in names)
    columns = tuple(Column(c.name, c.type, c.nullable, c.generated) for c in table.columns)
    return Table(table.schema, table.name, columns, key, identity, _nothing_to_decode)


def _nothing_to_decode(messages: Sequence[bytes]) -> list[Change]:
    raise AssertionError("check never decodes rows")


def other_unique_keys(on: OnRoute) -> Iterator[Finding]:
    """They can refuse rows that the source accepts, and cost the batch its freedom of order."""
    for key in on.target_table.unique_keys:
        if key != on.route.key:
            message = f"unique key ({', '.join(key)}) on the target beside the primary key"
            yield info("PF047", on.where, message, "a row that it refuses goes into quarantine")


def case_in_keys(on: OnRoute) -> Iterator[Finding]:
    """'a' and 'A' are two rows in PostgreSQL and one in most of MySQL's collations."""
    if (on.source.settings.engine, on.target.settings.engine) != (Engine.POSTGRES, Engine.MYSQL):
        return
    for name in on.route.key or on.target_table.primary_key:
        column = on.target_table.column(name)
        if column is None or column.type.kind is not Kind.TEXT:
            continue
        collation = column.type.collation or ""
        if collation and not collation.endswith(("_bin", "_cs", "0900_as_cs")):
            message = f"key column {name} compares by {collation}: values that differ in case are one row"
            yield warning("PF050", on.where, message, f"give {name} the collation utf8mb4_bin")


_ENGINE: Final = "SELECT engine FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"


def storage_engine(on: OnRoute) -> Iterator[Finding]:
    """Rows and checkpoint commit together only where there are transactions."""
    if on.target.settings.engine is Engine.MYSQL:
        found = str(on.target.server.rows(_ENGINE, on.target_name)[0][0])
        if found != "InnoDB":
            message = f"the target table's engine is {found}: its rows do not commit with the checkpoint"
            yield error("PF051", on.where, message, "ALTER TABLE … ENGINE = InnoDB")


_TABLE_TYPE: Final = "SELECT table_type FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"


def system_versioning(on: OnRoute) -> Iterator[Finding]:
    """MariaDB logs a system-versioned table's history as inserts of more rows with the same key."""
    if on.source.server.flavor == "mariadb":
        found = on.source.server.rows(_TABLE_TYPE, on.source_table.full_name)
        if found and found[0][0] == "SYSTEM VERSIONED":
            message = "the source table is system-versioned: its log does not tell history from rows"
            yield error("PF053", on.where, message, "ALTER TABLE … DROP SYSTEM VERSIONING, or exclude the table")


_MYSQL_TRIGGERS: Final = """
SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = %s AND event_object_table = %s
"""
_POSTGRES_TRIGGERS: Final = """
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND NOT t.tgisinternal AND t.tgenabled <> 'D'
"""


def triggers(on: OnRoute) -> Iterator[Finding]:
    """A trigger on the target acts on replicated rows, unless it is suppressed."""
    mysql = on.target.settings.engine is Engine.MYSQL
    if on.settings.triggers == "suppress" and not mysql:
        return
    found = on.target.server.rows(_MYSQL_TRIGGERS if mysql else _POSTGRES_TRIGGERS, on.target_name)
    if found:
        names = ", ".join(str(row[0]) for row in found)
        hint = "what a trigger changes does not flow back; `cdc-agent verify` finds such rows"
        if not mysql:
            hint += "; `triggers: suppress` keeps ordinary triggers from firing"
        yield warning("PF049", on.where, f"triggers on the target act on replicated rows: {names}", hint)


def cascades(on: OnRoute) -> Iterator[Finding]:
    """MySQL's cascades change rows without a trace in the binlog; not all of them can be done again on the target."""
    if on.source.settings.engine is not Engine.MYSQL or _logs_cascades(on):
        return
    for key in on.source_table.foreign_keys:
        if links.acts(key) and not _followed(on, key):
            actions = f"ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
            message = f"foreign key {key.name} ({actions}): its changes are not in the binlog, and not derived"
            hint = (
                "route the parent as well, without `where`, and copy the key's columns of both; or give the target the "
                "same foreign key with `triggers: fire`"
            )
            yield warning("PF048", on.where, message, hint)


def _followed(on: OnRoute, key: ForeignKey) -> bool:
    """Whether the agent does on the target what the key does on the source."""
    parents = on.routed(key.references)
    describe = on.target.server.describe
    return bool(parents) and all(links.follow(key, parent, on.routing, describe) for parent in parents)


def _logs_cascades(on: OnRoute) -> bool:
    return on.source.server.flavor == "mysql" and on.source.server.version >= (9, 6, 0)


CHECKS: Final[tuple[RouteCheck, ...]] = (
    source_key,
    target_key,
    identity,
    mapping,
    other_unique_keys,
    case_in_keys,
    storage_engine,
    system_versioning,
    triggers,
    cascades,
)
