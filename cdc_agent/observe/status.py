"""What `cdc-agent status` reads: checkpoints from the targets, the end of the log and the slot from the sources.

In: connections. Out: a `Reading` for each pipeline. It works whether or not an agent runs, and on another machine
than the agent's; a database that cannot be reached leaves its part of the reading empty.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace

from cdc_agent.config.model import Config
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import AgentError, TablesOutdated
from cdc_agent.flow import ends as databases
from cdc_agent.model.positions import parse_position
from cdc_agent.preflight.servers import Servers
from cdc_agent.sources.base import Reader
from cdc_agent.store import checkpoints
from cdc_agent.store.tables import VERSION, mismatch


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
        seen = _with_source(reading, databases.reader(config, name), servers[settings.source], held)
        return replace(seen, last_error=_outdated(held, settings.target) or seen.last_error)
    except AgentError as error:
        return replace(reading, state="unreachable", last_error=f"{error.code}: {error.message}")


def _outdated(held: checkpoints.Held, target: str) -> str | None:
    """The error with which `run` would stop."""
    return None if held.version == VERSION else f"{TablesOutdated.code}: {mismatch(held.version, target)}"


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


def _with_source(reading: Reading, reader: Reader, source: Admin, held: checkpoints.Held) -> Reading:
    log = databases.log(reader.database)
    checkpoint = held.checkpoint
    found = log.standing(reader, source, parse_position(checkpoint.position), held=_alive(checkpoint.host))
    seen = replace(
        reading,
        state="running" if found.read else "stopped",
        position=found.position,
        lag_bytes=found.lag_bytes,
        lag_seconds=found.lag_seconds,
        retained_bytes=found.retained_bytes,
        wal_status=found.wal_status,
        safe_wal_size=found.safe_wal_size,
        last_error=found.problem,
    )
    return seen if seen.lag_seconds is not None else replace(seen, lag_seconds=_lag_seconds(seen, source, held))


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
    return round(max(0.0, source.clock() - commit_time), 3)
