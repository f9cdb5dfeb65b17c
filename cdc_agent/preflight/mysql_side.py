"""`side.Side` for MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.mysql import durability
from cdc_agent.engines.mysql.admin import MysqlAdmin
from cdc_agent.engines.mysql.collations import UCA_9, tells_apart
from cdc_agent.engines.mysql.ddl import BINARY
from cdc_agent.mapping import links
from cdc_agent.model.changes import TableName
from cdc_agent.model.values import Type
from cdc_agent.preflight import key_checks, mysql_checks, mysql_rights, route_checks
from cdc_agent.preflight.context import OnDatabase, OnRoute, RouteCheck
from cdc_agent.preflight.findings import Finding, error
from cdc_agent.preflight.side import WRITE, Needs


def loose_keys(on: OnRoute) -> Iterator[Finding]:
    """Most collations hold texts equal that differ in case, accents or blanks; the source's may tell them apart."""
    sources = {target: source for source, target in links.copies(on.route.columns, on.target_table).items()}
    types = {column.name.lower(): column.type for column in on.source_table.columns}
    for name in on.route.key or on.target_table.primary_key:
        column = on.target_table.column(name)
        if column is None or tells_apart(column.type):
            continue
        from_ = types.get(sources.get(name, ""))
        if from_ is None or not _compared_alike(on, from_, column.type):
            yield route_checks.held_equal(
                on, name, str(column.type.collation), f"the collation {BINARY[on.target.server.flavor]}"
            )


def _compared_alike(on: OnRoute, source: Type, target: Type) -> bool:
    """Whether the source holds the same texts equal."""
    alike = on.source.server.flavor == on.target.server.flavor or UCA_9 not in str(target.collation)
    return alike and source.collation == target.collation


_KINDS: Final = "SELECT table_name, engine, table_type FROM information_schema.tables WHERE table_schema = %s"


def _kind(on: OnDatabase, table: TableName) -> tuple[str, str]:
    """(storage engine, type) of a table; asked for a whole schema at one go."""
    schema, name = table

    def ask() -> dict[str, tuple[str, str]]:
        return {str(one): (str(engine), str(type_)) for one, engine, type_ in on.server.rows(_KINDS, (schema,))}

    return on.pictures.once(f"kinds of {schema}", ask).get(name, ("", ""))


def rights(on: OnRoute) -> Iterator[Finding]:
    """The user may write to the target table. What roles give it is not looked into."""
    found = on.target.pictures.once("grants", lambda: mysql_rights.held(on.target.server.rows("SHOW GRANTS")))
    missing = [right for right in WRITE if found is not None and not found.allows(right, on.target_table.full_name)]
    if missing:
        table = on.target.server.quote(*on.target_table.full_name)
        hint = f"GRANT {', '.join(missing)} ON {table} TO {on.target.server.quote(on.target.settings.user)}"
        yield error("PF006", on.where, f"user {on.target.settings.user} lacks {', '.join(missing)} on the target", hint)


def storage_engine(on: OnRoute) -> Iterator[Finding]:
    """Rows and checkpoint commit together only where there are transactions."""
    found, _ = _kind(on.target, on.target_table.full_name)
    if found != "InnoDB":
        message = f"the target table's engine is {found}: its rows do not commit with the checkpoint"
        yield error("PF051", on.where, message, "ALTER TABLE … ENGINE = InnoDB")


def triggers(on: OnRoute) -> Iterator[Finding]:
    """Triggers of the target act on replicated rows; nothing can keep them from it."""
    yield from route_checks.acting(on)


def cascades(on: OnRoute) -> Iterator[Finding]:
    """MySQL's cascades change rows without a trace in the binlog; not all of them can be done again on the target."""
    if not _logs_cascades(on.source.server):
        yield from key_checks.underived(on, acting=on.settings.triggers == "fire")


def keys(on: OnRoute) -> Iterator[Finding]:
    """The agent's session switches foreign keys off unless it is told to let them act."""
    yield from key_checks.of_target(on, acting=on.settings.triggers == "fire")


def _logs_cascades(server: Admin) -> bool:
    assert isinstance(server, MysqlAdmin)
    return server.logs_cascades


class MysqlSide:
    """See `side.Side`."""

    checks: Final = mysql_checks.CHECKS
    source_checks: Final[tuple[RouteCheck, ...]] = (cascades,)
    target_checks: Final[tuple[RouteCheck, ...]] = (loose_keys, storage_engine, rights, triggers, keys)

    def resumption(self, on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
        """See `side.Side`."""
        return mysql_checks.purged(on, pipeline, checkpoint)

    def unsure(self, on: OnDatabase) -> str | None:
        """See `side.Side`."""
        return durability.unsure(on.server.rows(durability.QUESTION))

    def account(self, database: Database, *, reads: bool) -> str:
        """See `side.Side`; what a source's user needs is among its rights."""
        return mysql_rights.account(database)

    def rights(self, database: Database, needs: Needs) -> Iterator[str]:
        """See `side.Side`."""
        return mysql_rights.rights(database, needs)

    def own_store(self, user: str, version: int) -> list[str]:
        """See `side.Side`."""
        return mysql_rights.own_store(user)
