"""How a pipeline stands: what `run` shows, what `status` reads, and what is exported."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import asdict, dataclass


class State(enum.StrEnum):
    """What a pipeline is doing. The first seven are said by its own agent, the others by its databases."""

    STARTING = "starting"
    STREAMING = "streaming"
    RETRYING = "retrying"
    WAITING = "waiting"
    """For a schema: the target is to follow the source, or a person to accept that it does not."""
    CAUGHT_UP = "caught up"
    STOPPED = "stopped"
    FAILED = "failed"
    RUNNING = "running"
    """An agent reads the source's log."""
    NOT_SET_UP = "not set up"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Status:
    """One pipeline at one moment; positions are texts, ages are seconds. None: not known to whoever was asked.

    The agent knows what it has in hand (`run`); without it the two databases are asked (`status`), which then know of
    the log that is still theirs.
    """

    name: str
    source: str
    target: str
    state: State
    position: str = ""
    """The last position that the agent has read; the end of the source's log where that was asked."""
    checkpoint: str = ""
    """The last position that the target durably holds."""
    lag_seconds: float | None = None
    """How far the target is behind. The agent says how long the oldest transaction in hand has waited. Of a running
    pipeline PostgreSQL says what it measures from sending to acknowledgement, a MySQL server 0 when it has sent
    everything; else it is the seconds since the last applied commit, and 0 when no log lies behind it."""
    lag_bytes: int | None = None
    """Log that is not committed on the target: what the agent has in hand; for the databases all that lies behind the
    checkpoint, that of other databases included."""
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
    differing: tuple[str, ...] = ()
    """Source tables whose rows are known to differ on the target until somebody reconciles them."""


def as_json(statuses: Iterable[Status]) -> dict[str, object]:
    """``{"pipelines": [{"name", "state", …}]}``, what `--json` prints."""
    return {"pipelines": [asdict(status) for status in statuses]}
