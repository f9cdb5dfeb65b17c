"""What the demonstration shows: a live table of both directions, then the proof."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cdc_agent.demo.proof import Digest
from cdc_agent.demo.writers import Tally


@dataclass(frozen=True, slots=True)
class Direction:
    """One pipeline as its target's checkpoint row shows it, beside what its source's application did."""

    label: str
    tally: Tally
    applied: int
    echoes: int


def live(directions: Sequence[Direction], left: float) -> RenderableType:
    """The table while both sides write; `left` in seconds."""
    table = Table(expand=True)
    for heading in ("direction", "committed", "applied", "echoes", "visible after"):
        table.add_column(heading, justify="left" if heading == "direction" else "right", no_wrap=True)
    table.add_column("last seen on the other side", no_wrap=True, ratio=1)
    for one in directions:
        table.add_row(
            one.label,
            f"{one.tally.commits:,}",
            f"{one.applied:,}",
            f"{one.echoes:,}",
            latency(one.tally.latencies),
            one.tally.latest,
        )
    note = Text(f"both sides write for another {max(0, left):.0f} s", style="dim")
    return Panel(
        Group(table, note),
        title="phone (PostgreSQL) ⇄ crm (MySQL or MariaDB)",
        subtitle="visible after: commit here until read there",
    )


def latency(seconds: Sequence[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    if not seconds:
        return "–"
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{statistics.median(ordered) * 1000:.0f} ms, p99 {high * 1000:.0f}"


def digests(pairs: Sequence[tuple[str, Digest, Digest]]) -> Table:
    """Both sides' rows and hashes, side by side."""
    table = Table(title="the same rows on both sides, by SHA-256", expand=True)
    for heading in ("tables", "rows", "phone", "crm", ""):
        table.add_column(heading, no_wrap=True)
    for name, phone, crm in pairs:
        equal = phone == crm
        table.add_row(
            name,
            f"{phone.rows:,} = {crm.rows:,}" if phone.rows == crm.rows else f"{phone.rows:,} ≠ {crm.rows:,}",
            phone.sha256[:12],
            crm.sha256[:12],
            Text("equal", style="green") if equal else Text("DIFFERENT", style="bold red"),
        )
    return table


def verdict(directions: Sequence[Direction], still_seconds: float, *, still: bool) -> Table:
    """Transactions on one side against those applied on the other, and the silence afterwards."""
    table = Table(title="nothing lost, nothing twice, nothing echoed", expand=True)
    for heading in ("direction", "committed here", "applied there", "echoes dropped", ""):
        table.add_column(heading, no_wrap=True)
    for one in directions:
        equal = one.tally.commits == one.applied
        table.add_row(
            one.label,
            f"{one.tally.commits:,}",
            f"{one.applied:,}",
            f"{one.echoes:,}",
            Text("equal", style="green") if equal else Text("DIFFERENT", style="bold red"),
        )
    table.caption = (
        f"both logs stood still for {still_seconds:.0f} s afterwards" if still else "the logs still moved afterwards"
    )
    return table
