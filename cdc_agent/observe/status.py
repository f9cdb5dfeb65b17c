"""What `cdc-agent status` reads: checkpoints from the targets, the end of the log and the slot from the sources.

In: connections. Out: a `Status` for each pipeline. It works whether or not an agent runs, and on another machine
than the agent's; a database that cannot be reached leaves its part of the status empty.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace

from cdc_agent.config.model import Config
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import AgentError, TablesOutdated
from cdc_agent.flow import ends as databases
from cdc_agent.model.positions import parse_position
from cdc_agent.model.remembered import Condition, Memory
from cdc_agent.model.status import State, Status
from cdc_agent.preflight.servers import Servers
from cdc_agent.sources.base import Reader
from cdc_agent.store import checkpoints, memory
from cdc_agent.store.tables import VERSION, mismatch


def read(config: Config, names: list[str], servers: Servers) -> list[Status]:
    """The state of each pipeline now."""
    return [_pipeline(config, name, servers) for name in names]


def _pipeline(config: Config, name: str, servers: Servers) -> Status:
    settings = config.pipelines[name]
    status = Status(name, settings.source, settings.target, State.STOPPED)
    try:
        held = checkpoints.read(servers[settings.target], name)
    except AgentError as error:
        return replace(status, state=State.UNREACHABLE, last_error=f"{error.code}: {error.message}")
    if held is None:
        return replace(status, state=State.NOT_SET_UP)
    status = _with_checkpoint(status, held)
    try:
        found = memory.read(servers[settings.target], name)
        status = replace(status, differing=_differing(found))
        seen = _with_source(status, databases.reader(config, name), servers[settings.source], held)
        seen = _with_waiting(seen, found)
        return replace(seen, last_error=_outdated(held, settings.target) or seen.last_error)
    except AgentError as error:
        return replace(status, state=State.UNREACHABLE, last_error=f"{error.code}: {error.message}")


def _differing(found: Memory) -> tuple[str, ...]:
    return tuple(".".join(one.source) for one in found.states if one.condition is Condition.DIFFERING)


def _with_waiting(status: Status, found: Memory) -> Status:
    """What the agent waits for, also when it was stopped: the next one will wait as well."""
    waiting = [one for one in found.states if one.condition is Condition.WAITING]
    if not waiting:
        return status
    state = State.WAITING if status.state is State.RUNNING else status.state
    return replace(status, state=state, last_error=f"{waiting[0].code}: {waiting[0].reason}")


def _outdated(held: checkpoints.Held, target: str) -> str | None:
    """The error with which `run` would stop."""
    return None if held.version == VERSION else f"{TablesOutdated.code}: {mismatch(held.version, target)}"


def _with_checkpoint(status: Status, held: checkpoints.Held) -> Status:
    checkpoint = held.checkpoint
    return replace(
        status,
        checkpoint=checkpoint.position,
        transactions=checkpoint.transactions,
        changes=checkpoint.changes,
        echoes=checkpoint.echoes,
        quarantined=checkpoint.quarantined,
        generation=checkpoint.generation,
        host=checkpoint.host,
        updated_seconds_ago=round(held.updated_seconds_ago, 3),
    )


def _with_source(status: Status, reader: Reader, source: Admin, held: checkpoints.Held) -> Status:
    log = databases.log(reader.database)
    checkpoint = held.checkpoint
    found = log.standing(reader, source, parse_position(checkpoint.position), held=_alive(checkpoint.host))
    seen = replace(
        status,
        state=State.RUNNING if found.read else State.STOPPED,
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


def _lag_seconds(seen: Status, source: Admin, held: checkpoints.Held) -> float | None:
    if seen.lag_bytes == 0:
        return 0.0
    commit_time = held.checkpoint.source_commit_time
    if seen.lag_bytes is None or commit_time is None:
        return None
    return round(max(0.0, source.clock() - commit_time), 3)
