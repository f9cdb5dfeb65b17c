"""What `cdc-agent status` reads: checkpoints from the targets, the end of the log and the slot from the sources.

In: connections. Out: a `Reading` for each pipeline. It works whether or not an agent runs, and on another machine
than the agent's; a database that cannot be reached leaves its part of the reading empty.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace

from cdc_agent.config.model import Config, PipelineSettings
from cdc_agent.config.names import slot_name
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.postgres.admin import PostgresAdmin
from cdc_agent.errors import AgentError
from cdc_agent.model.positions import BinlogPosition, parse_lsn, parse_position
from cdc_agent.preflight.servers import Servers
from cdc_agent.sources.postgres import slot
from cdc_agent.store import checkpoints


@dataclass(frozen=True, slots=True)
class Reading:
    """A pipeline as its two databases show it; the same names as in `pipeline.PipelineStatus`."""

    name: str
    source: str
    target: str
    state: str
    """running, stopped, not set up, or unreachable"""
    position: str = ""
    """The end of the source's log."""
    checkpoint: str = ""
    lag_seconds: float | None = None
    """How far the target is behind, as far as the source's server knows: of a running pipeline what PostgreSQL measures
    from sending to acknowledgement, and 0 when a MySQL server has sent everything; else the seconds since the last
    applied commit, and 0 when no log lies behind it."""
    lag_bytes: int | None = None
    """Log between the checkpoint and the end of the source's log, that of other databases included."""
    transactions: int = 0
    changes: int = 0
    echoes: int = 0
    quarantined: int = 0
    generation: int = 0
    host: str = ""
    """Host and process of the agent that held the pipeline last."""
    updated_seconds_ago: float | None = None
    retained_bytes: int | None = None
    """Log that the source keeps for the pipeline."""
    wal_status: str | None = None
    safe_wal_size: int | None = None
    """Bytes until the slot is in danger."""
    last_error: str | None = None


def read(config: Config, names: list[str], servers: Servers) -> list[Reading]:
    """The state of each pipeline now."""
    return [_pipeline(config, name, servers) for name in names]


def _pipeline(config: Config, name: str, servers: Servers) -> Reading:
    settings = config.pipelines[name]
    reading = Reading(name, settings.source, settings.target, "stopped")
    try:
        held = checkpoints.read(servers[settings.target], name)
    except AgentError as error:
        return replace(reading, state="unreachable", last_error=f"{error.code}: {error.message}")
    if held is None:
        return replace(reading, state="not set up")
    reading = _with_checkpoint(reading, held)
    try:
        return _with_source(reading, name, settings, servers[settings.source], held)
    except AgentError as error:
        return replace(reading, state="unreachable", last_error=f"{error.code}: {error.message}")


def _with_checkpoint(reading: Reading, held: checkpoints.Held) -> Reading:
    checkpoint = held.checkpoint
    return replace(
        reading,
        checkpoint=checkpoint.position,
        transactions=checkpoint.transactions,
        changes=checkpoint.changes,
        echoes=checkpoint.echoes,
        quarantined=checkpoint.quarantined,
        generation=checkpoint.generation,
        host=checkpoint.host,
        updated_seconds_ago=round(held.updated_seconds_ago, 3),
    )


def _with_source(
    reading: Reading, name: str, settings: PipelineSettings, source: Admin, held: checkpoints.Held
) -> Reading:
    if isinstance(source, PostgresAdmin):
        seen = _postgres(reading, slot_name(name, settings), source, held)
    else:
        seen = _mysql(reading, source, held)
    if seen.lag_seconds is None:
        return replace(seen, lag_seconds=_lag_seconds(seen, source, held))
    return seen


def _postgres(reading: Reading, wanted: str, source: PostgresAdmin, held: checkpoints.Held) -> Reading:
    end = parse_lsn(str(source.rows("SELECT pg_current_wal_lsn()::text")[0][0]))
    found = slot.state(source.connection, wanted)
    if found is None:
        return replace(reading, position=str(end), last_error=f"slot {wanted} is gone")
    behind = end.since(parse_position(held.checkpoint.position))
    if found.confirmed_flush_lsn is not None:
        behind = min(behind, end.since(found.confirmed_flush_lsn))
    return replace(
        reading,
        state="running" if found.active_pid is not None else "stopped",
        position=str(end),
        lag_bytes=max(0, behind),
        lag_seconds=_measured(source, found.active_pid),
        retained_bytes=found.retained_bytes,
        wal_status=found.wal_status,
        safe_wal_size=found.safe_wal_size,
        last_error=f"slot {wanted} is lost" if found.lost else None,
    )


def _measured(source: PostgresAdmin, sender: int | None) -> float | None:
    """PostgreSQL forgets its measurement when everything has been acknowledged: that is 0. None: nothing is sent."""
    question = "SELECT coalesce(EXTRACT(EPOCH FROM flush_lag), 0) FROM pg_stat_replication WHERE pid = %s"
    found = source.rows(question, (sender,)) if sender is not None else []
    return round(float(found[0][0]), 3) if found else None


def _mysql(reading: Reading, source: Admin, held: checkpoints.Held) -> Reading:
    position = parse_position(held.checkpoint.position)
    files = [(str(row[0]), int(row[1])) for row in source.rows("SHOW BINARY LOGS")]
    if not files:
        return replace(reading, last_error="the source has no binlog")
    end = BinlogPosition(*files[-1])
    behind = end.since(position, dict(files))
    gone = not position.reached(BinlogPosition(files[0][0], 0))
    dumps = _dumps(source) if _alive(held.checkpoint.host) else []
    return replace(
        reading,
        state="running" if dumps else "stopped",
        position=str(end),
        lag_bytes=None if gone or behind is None else max(0, behind),
        lag_seconds=0.0 if dumps and all("has sent all binlog" in state for state in dumps) else None,
        retained_bytes=sum(size for _, size in files),
        last_error="the log behind the checkpoint is purged on the source" if gone else None,
    )


def _dumps(source: Admin) -> list[str]:
    """The states of replicas connected as our user; a user sees its own threads without any right."""
    return [str(row[6]) for row in source.rows("SHOW PROCESSLIST") if "Binlog Dump" in str(row[4])]


def _alive(host: str) -> bool:
    """False only when the agent's process was on this machine and is gone."""
    name, _, process = host.rpartition(":")
    if name != socket.gethostname() or not process.isdigit():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lag_seconds(seen: Reading, source: Admin, held: checkpoints.Held) -> float | None:
    if seen.lag_bytes == 0:
        return 0.0
    commit_time = held.checkpoint.source_commit_time
    if seen.lag_bytes is None or commit_time is None:
        return None
    postgres = isinstance(source, PostgresAdmin)
    clock = "EXTRACT(EPOCH FROM clock_timestamp())" if postgres else "UNIX_TIMESTAMP(SYSDATE(6))"
    return round(max(0.0, float(source.rows(f"SELECT {clock}")[0][0]) - commit_time), 3)
