"""The replication slot and the publication that a pipeline reads through: create, inspect, drop.

Names and a database in, the position behind which the slot holds the log out. Creating comes in an order that leaves
no orphan: the publication first (the log before it does not know it), then the slot, which the server itself removes
when the connection dies before it is complete. Never drops a slot that someone reads, never recreates one by itself
that a checkpoint may depend on.

https://www.postgresql.org/docs/current/protocol-replication.html,
https://www.postgresql.org/docs/current/view-pg-replication-slots.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres.connection import connect
from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.errors import LogGone, LogUnusable, PrivilegeMissing, SlotInUse, SourceUnavailable
from cdc_agent.model.positions import Lsn, parse_lsn
from cdc_agent.sources.base import ServerIdentity
from cdc_agent.sources.postgres.faults import translate

PLUGIN: Final = "pgoutput"
_RELEASE_SECONDS: Final = 5.0
"""How long the server may take to notice that a slot's reader has gone."""
_RELEASE_POLL_SECONDS: Final = 0.05

_STATE: Final = """
SELECT s.plugin, s.slot_type, s.database, s.active_pid, a.application_name,
       host(a.client_addr),
       s.restart_lsn::text, s.confirmed_flush_lsn::text, s.wal_status, s.safe_wal_size,
       coalesce(to_jsonb(s) ->> 'invalidation_reason',
                CASE WHEN (to_jsonb(s) ->> 'conflicting')::bool THEN 'conflicting' END),
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                       s.restart_lsn)::bigint,
       coalesce(u.total_txns, 0) > 0
  FROM pg_replication_slots s
  LEFT JOIN pg_stat_replication_slots u ON u.slot_name = s.slot_name
  LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
 WHERE s.slot_name = %s
"""
"""Through jsonb, what only newer servers have: `conflicting` from 16, `invalidation_reason` from 17."""


@dataclass(frozen=True, slots=True)
class SlotState:
    """What pg_replication_slots says of one slot."""

    name: str
    plugin: str | None
    kind: str
    """logical or physical"""
    database: str | None
    active_pid: int | None
    reader: str
    """Application name and address of the connection that reads it, as far as they may be seen; '' when none does."""
    restart_lsn: Lsn | None
    """From here on the server keeps its WAL; None: nothing is kept any more."""
    confirmed_flush_lsn: Lsn | None
    """From here on it can be read."""
    wal_status: str | None
    """reserved, extended, unreserved or lost"""
    safe_wal_size: int | None
    """Bytes that may still be written before the slot is in danger; None: no limit is set, or it is lost."""
    invalidation_reason: str | None
    retained_bytes: int | None
    """WAL that the server keeps for the slot."""
    used: bool
    """Whether transactions were read from it, as far as the server's statistics remember."""

    @property
    def lost(self) -> bool:
        return self.wal_status == "lost" or self.invalidation_reason is not None or self.restart_lsn is None


def state(connection: psycopg.Connection[Any], name: str) -> SlotState | None:
    """The slot as it is now, None when there is none."""
    try:
        row = connection.execute(_STATE, (name,)).fetchone()
    except psycopg.Error as error:
        raise translate(error, f"looking at replication slot {name}") from error
    if row is None:
        return None
    plugin, kind, database, pid, application, address, restart, confirmed, *rest = row
    wal_status, safe_wal_size, reason, retained, used = rest
    return SlotState(
        name=name,
        plugin=plugin,
        kind=kind,
        database=database,
        active_pid=pid,
        reader=" from ".join(part for part in (application, address) if part),
        restart_lsn=parse_lsn(restart) if restart else None,
        confirmed_flush_lsn=parse_lsn(confirmed) if confirmed else None,
        wal_status=wal_status,
        safe_wal_size=safe_wal_size,
        invalidation_reason=reason,
        retained_bytes=retained,
        used=used,
    )


def require_ours(found: SlotState | None, name: str, database: Database) -> SlotState:
    """The slot, if it is one that an agent can read in this database. Raises LogGone or LogUnusable."""
    if found is None:
        raise LogGone(f"replication slot {name} does not exist")
    if found.kind != "logical" or found.plugin != PLUGIN or found.database != database.name:
        raise LogUnusable(
            f"replication slot {name} is not a {PLUGIN} slot of database {database.name}",
            details=[f"it is {found.kind}, plugin {found.plugin}, database {found.database}"],
            hint="name another slot in the pipeline's `slot`",
        )
    if found.lost:
        reason = found.invalidation_reason or f"wal_status {found.wal_status}"
        raise LogGone(f"replication slot {name} was invalidated by the server ({reason})")
    return found


def require_position(found: SlotState, position: Lsn, log_end: Lsn) -> None:
    """The log behind `position` must be what the slot still holds. Raises LogGone.

    A server would start at its own position instead, without a word.
    """
    confirmed = found.confirmed_flush_lsn
    if confirmed is not None and confirmed > position:
        raise LogGone(
            f"replication slot {found.name} has moved past the checkpoint",
            details=[f"checkpoint {position.text}, slot {confirmed.text}: it was read or recreated by someone else"],
        )
    if position > log_end:
        raise LogGone(
            f"the checkpoint lies ahead of the log of replication slot {found.name}",
            details=[f"checkpoint {position.text}, end of the log {log_end.text}: the server was set back"],
        )


def require_free(found: SlotState) -> None:
    """Nobody else may read the slot. Raises SlotInUse, which names who does."""
    if found.active_pid is not None:
        who = f" ({found.reader})" if found.reader else ""
        raise SlotInUse(f"replication slot {found.name} is being read by process {found.active_pid}{who}")


def wait_until_free(connection: psycopg.Connection[Any], name: str) -> SlotState | None:
    """The slot's state once nobody reads it; a server takes a moment to notice that a reader has gone.

    Raises SlotInUse when it is still read after five seconds.
    """
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (found := state(connection, name)) is not None and found.active_pid is not None:
        if time.monotonic() > deadline:
            require_free(found)
        time.sleep(_RELEASE_POLL_SECONDS)
    return found


def create(database: Database, name: str) -> Lsn:
    """Create the slot; the position from which it can be read.

    Waits for the transactions that are open on the server. Raises SlotInUse where the name is taken, PrivilegeMissing,
    LogUnusable (wal_level, no slot left) and SourceUnavailable.
    """
    require_logical(database)
    with connect_replication(database, "setup") as connection:
        try:
            row = connection.execute(
                f"CREATE_REPLICATION_SLOT {quote(name)} LOGICAL {PLUGIN} NOEXPORT_SNAPSHOT".encode()
            ).fetchone()
        except psycopg.errors.DuplicateObject as error:
            raise SlotInUse(f"replication slot {name} exists already") from error
        except psycopg.Error as error:
            raise translate(error, f"creating replication slot {name}") from error
    assert row is not None
    return parse_lsn(row[1])


def ensure(database: Database, name: str, *, fresh: bool = False) -> Slot:
    """The slot of a pipeline that has no checkpoint yet: created, or the unused one of a setup that was cut short.

    `fresh` creates an unused one anew. Raises what `create` and `require_ours` raise, SlotInUse, and LogUnusable for a
    slot from which somebody has read.
    """
    with connect(database, purpose="setup", unavailable=SourceUnavailable) as connection:
        found = wait_until_free(connection, name)
    if found is None:
        return Slot(name, create(database, name), created=True)
    confirmed = require_ours(found, name, database).confirmed_flush_lsn
    if found.used or confirmed is None:
        raise LogUnusable(
            f"replication slot {name} exists and has been read from",
            hint="if nothing needs it any more, run teardown for this pipeline first; else name another `slot`",
        )
    if fresh:
        drop(database, name)
        return Slot(name, create(database, name), created=True)
    return Slot(name, confirmed, created=False)


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that is ready to be read."""

    name: str
    position: Lsn
    """From here on."""
    created: bool
    """By this call: whoever fails to write the first checkpoint after it drops the slot again."""


def drop(database: Database, name: str) -> bool:
    """Drop the slot, so that its log is released; False when there is none. Raises SlotInUse while it is read."""
    with connect(database, purpose="teardown", unavailable=SourceUnavailable) as connection:
        if wait_until_free(connection, name) is None:
            return False
        try:
            connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))
        except psycopg.errors.UndefinedObject:
            return False
        except psycopg.Error as error:
            raise translate(error, f"dropping replication slot {name}") from error
    return True


def require_logical(database: Database) -> None:
    """The server must log for logical decoding. Raises LogUnusable."""
    if _ask(database, "SELECT current_setting('wal_level')") != "logical":
        raise LogUnusable(
            f"wal_level of {database.host}:{database.port} is not logical",
            hint="ALTER SYSTEM SET wal_level = logical, then restart the server",
        )


_MAY_REPLICATE: Final = "SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user"


def connect_replication(database: Database, purpose: str) -> psycopg.Connection[Any]:
    """A logical replication connection, which takes plain questions as well, their values put in by the client.

    Raises PrivilegeMissing or SourceUnavailable.

    A refused connection has no SQLSTATE in libpq, so the role is looked at when one fails.
    """
    try:
        opened = connect(database, replication=True, purpose=purpose, unavailable=SourceUnavailable)
    except SourceUnavailable as error:
        if _ask(database, _MAY_REPLICATE):
            raise
        raise PrivilegeMissing(
            f"role {database.user} may not replicate",
            hint=f"ALTER ROLE {quote(database.user)} REPLICATION",
        ) from error
    opened.cursor_factory = psycopg.ClientCursor
    return opened


def identify(connection: psycopg.Connection[Any]) -> ServerIdentity:
    """Which server is at the other end of a replication connection: system identifier and timeline."""
    try:
        row = connection.execute(b"IDENTIFY_SYSTEM").fetchone()
    except psycopg.Error as error:
        raise translate(error, "identifying the server") from error
    version = connection.info.parameter_status("server_version") or ""
    assert row is not None
    return ServerIdentity("postgresql", version, str(row[0]), int(row[1]))


def _ask(database: Database, question: str) -> Any:
    with connect(database, purpose="setup", unavailable=SourceUnavailable) as connection:
        try:
            row = connection.execute(question.encode()).fetchone()
        except psycopg.Error as error:
            raise translate(error, "looking at the server's settings") from error
    return None if row is None else row[0]
