"""What a target durably holds for a pipeline, and who holds the pipeline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One row of `cdc_agent.checkpoint`: what the target durably holds for one pipeline."""

    pipeline: str
    source: str
    """Name of the source database."""
    path: tuple[str, ...]
    """The databases that the transaction which wrote this version of the row came through, the source last."""
    generation: int
    position: str
    """Text form of `positions.Position`."""
    source_identity: str
    source_commit_time: float | None
    """Seconds since the epoch, of the last transaction applied."""
    transactions: int
    changes: int
    echoes: int
    quarantined: int
    host: str
    """Host and process id of the agent that holds the generation."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a pipeline's checkpoint now."""

    generation: int
    host: str
    since: str = ""
    """HH:MM:SS in UTC, where it is known."""
