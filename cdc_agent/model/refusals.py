"""Changes that did not become rows on the target, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One row for `cdc_agent.quarantine`."""

    source_table: str
    target_table: str
    operation: str
    """insert, update or delete"""
    row: str
    """JSON object: source column → canonical text, null, or absent when unsent."""
    column: str | None
    reason: str
    code: str
    position: str
    source_commit_time: float | None
