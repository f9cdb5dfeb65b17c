"""Checks of a PostgreSQL server in its roles. Each function is one check; `CHECKS` is all of them, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cdc_agent.config.names import publication_name, slot_name
from cdc_agent.engines.postgres.admin import PostgresAdmin
from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.errors import AgentError, LogGone
from cdc_agent.flow import ends as databases
from cdc_agent.model.positions import Lsn, parse_lsn, parse_position
from cdc_agent.preflight.context import DatabaseCheck, OnDatabase
from cdc_agent.preflight.findings import Finding, error, info, outdated, warning
from cdc_agent.sources.postgres import publication, slot

SHORT_TIMEOUT_MS: Final = 10_000


def version(on: OnDatabase) -> Iterator[Finding]:
    """PostgreSQL 14 is the oldest."""
    yield from outdated(on.name, on.server.flavor, on.server.version)


def wal_level(on: OnDatabase) -> Iterator[Finding]:
    """Logical decoding needs wal_level = logical."""
    found = on.setting("wal_level")
    if on.sources and found != "logical":
        hint = "ALTER SYSTEM SET wal_level = logical, then restart the server"
        yield error("PF010", on.name, f"wal_level is {found}", hint)


def free_slots(on: OnDatabase) -> Iterator[Finding]:
    """Pipelines that have no slot yet need one each."""
    wanted = [slot_name(name, on.config.pipelines[name]) for name in on.sources]
    taken = {str(row[0]) for row in on.server.rows("SELECT slot_name FROM pg_replication_slots")}
    missing, limit = len(set(wanted) - taken), int(on.setting("max_replication_slots"))
    if missing > limit - len(taken):
        message = f"{missing} slots are needed, {limit - len(taken)} of max_replication_slots = {limit} are free"
        yield error("PF011", on.name, message, "raise max_replication_slots, or drop slots that nothing reads")


_SENDERS: Final = "SELECT count(*) FROM pg_stat_replication"


def free_senders(on: OnDatabase) -> Iterator[Finding]:
    """Each pipeline holds one WAL sender."""
    if not on.sources:
        return
    used, limit = int(on.server.rows(_SENDERS)[0][0]), int(on.setting("max_wal_senders"))
    if used >= limit:
        hint = "raise max_wal_senders, or lower the number of replicas"
        yield error("PF012", on.name, f"all {limit} of max_wal_senders are used", hint)


def sender_timeout(on: OnDatabase) -> Iterator[Finding]:
    """A very short timeout cuts off a pipeline that waits for its target."""
    found = int(on.server.rows("SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'")[0][0])
    if on.sources and 0 < found < SHORT_TIMEOUT_MS:
        hint = "60 s, the default, is a good value"
        yield warning("PF013", on.name, f"wal_sender_timeout is {found} ms", hint)


def retention(on: OnDatabase) -> Iterator[Finding]:
    """Without a limit a stopped agent fills the disk; with one it may lose its slot. Either should be known."""
    found = on.setting("max_slot_wal_keep_size")
    if not on.sources:
        return
    if found == "-1":
        message = "max_slot_wal_keep_size is not limited: while the agent is stopped, WAL grows until the disk is full"
        yield info("PF014", on.name, message, "set a limit that the disk can hold, and watch `cdc-agent status`")
    else:
        message = f"max_slot_wal_keep_size is {found}: an agent that falls further behind loses its slot"
        yield info("PF014", on.name, message, "watch `cdc-agent status`")


def slots(on: OnDatabase) -> Iterator[Finding]:
    """A slot that is there must be ours and readable."""
    for name in on.sources:
        wanted = slot_name(name, on.config.pipelines[name])
        found = slot.state(_postgres(on).connection, wanted)
        if found is None:
            continue
        try:
            slot.require_ours(found, wanted, on.settings)
        except AgentError as problem:
            yield error("PF015", f"{on.name}: slot {wanted}", problem.message, problem.advice)


_GRANTS_PARAMETERS: Final = (15, 0)
_SUPER: Final = "SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = current_user"


def role(on: OnDatabase) -> Iterator[Finding]:
    """REPLICATION on a source; superuser nowhere."""
    superuser, replication = on.server.rows(_SUPER)[0]
    if superuser:
        hint = "cdc-agent grants prints the rights that are enough"
        yield warning("PF005", on.name, f"role {on.settings.user} is a superuser", hint)
    elif on.sources and not replication:
        hint = f"ALTER ROLE {quote(on.settings.user)} REPLICATION"
        yield error("PF006", on.name, f"role {on.settings.user} may not replicate", hint)


def agent_schema(on: OnDatabase) -> Iterator[Finding]:
    """A target's role owns cdc_agent, or may create it."""
    if not on.targets:
        return
    found = on.server.rows(
        "SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = 'cdc_agent'"
    ) or on.server.rows("SELECT has_database_privilege(current_database(), 'CREATE')")
    if not found[0][0]:
        hint = f"CREATE SCHEMA cdc_agent AUTHORIZATION {quote(on.settings.user)}"
        yield error("PF006", on.name, "the role can neither create nor use the schema cdc_agent", hint)


def temporary(on: OnDatabase) -> Iterator[Finding]:
    """Batches are staged in temporary tables."""
    if on.targets and not on.server.rows("SELECT has_database_privilege(current_database(), 'TEMPORARY')")[0][0]:
        hint = f"GRANT TEMPORARY ON DATABASE {quote(on.settings.name)} TO {quote(on.settings.user)}"
        yield error("PF006", on.name, "the role may not create temporary tables", hint)


def suppression(on: OnDatabase) -> Iterator[Finding]:
    """Where triggers are to be suppressed, session_replication_role must be granted."""
    asking = [name for name in on.targets if on.config.pipelines[name].triggers == "suppress"]
    if asking and not may_suppress(on):
        hint = f"GRANT SET ON PARAMETER session_replication_role TO {quote(on.settings.user)}"
        if on.server.version < _GRANTS_PARAMETERS:
            hint = "before PostgreSQL 15 only a superuser may: `triggers: auto` or `fire`"
        message = f"pipelines {', '.join(asking)} suppress triggers, and the role may not"
        yield error("PF006", on.name, message, hint)


def may_suppress(on: OnDatabase) -> bool:
    """Whether the role may keep triggers and foreign keys from acting."""
    if on.server.version < _GRANTS_PARAMETERS:
        return bool(on.server.rows(_SUPER)[0][0])
    return bool(on.server.rows("SELECT has_parameter_privilege('session_replication_role', 'SET')")[0][0])


def publications(on: OnDatabase) -> Iterator[Finding]:
    """A publication that is there publishes all of the routed tables."""
    tables = on.server.tables()
    for name in on.sources:
        wanted = publication_name(name, on.config.pipelines[name])
        found = publication.read(_postgres(on).connection, wanted)
        routed = [table for table in tables if databases.routes(on.config, name).wanted(table)]
        if found is not None and (missing := found.shortfall(routed)):
            hint = "cdc-agent setup -c FILE mends a publication that the agent's role owns"
            yield error("PF016", on.name, f"publication {wanted} leaves changes out: {'; '.join(missing)}", hint)


def _postgres(on: OnDatabase) -> PostgresAdmin:
    assert isinstance(on.server, PostgresAdmin)
    return on.server


_END: Final = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"


def continued(on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
    """A pipeline with a checkpoint has its publication, and a slot that still holds the log behind it."""
    settings = on.config.pipelines[pipeline]
    published, wanted = publication_name(pipeline, settings), slot_name(pipeline, settings)
    if publication.read(_postgres(on).connection, published) is None:
        hint = "cdc-agent setup -c FILE makes it again; what was committed without it was not sent"
        yield error("PF016", pipeline, f"publication {published} does not exist, and there is a checkpoint", hint)
    position, found = parse_position(checkpoint), slot.state(_postgres(on).connection, wanted)
    try:
        if found is None:
            raise LogGone(f"replication slot {wanted} does not exist, and there is a checkpoint")
        if isinstance(position, Lsn):
            slot.require_position(found, position, parse_lsn(str(on.server.rows(_END)[0][0])))
    except LogGone as problem:
        yield error("PF015", pipeline, "; ".join([problem.message, *problem.details]), problem.advice)


CHECKS: Final[tuple[DatabaseCheck, ...]] = (
    version,
    role,
    agent_schema,
    temporary,
    suppression,
    wal_level,
    free_slots,
    free_senders,
    sender_timeout,
    retention,
    slots,
    publications,
)
