"""Status as tables for people. In: status values. Out: rich renderables; nothing here asks a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from cdc_agent.model.status import State, Status

_STYLES: Final = {
    State.STREAMING: "green",
    State.RUNNING: "green",
    State.CAUGHT_UP: "green",
    State.RETRYING: "yellow",
    State.WAITING: "yellow",
    State.FAILED: "red",
}
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


COLUMNS: Final = (
    "pipeline",
    "state",
    "lag",
    "behind",
    "transactions",
    "changes",
    "echoes",
    "quarantined",
    "checkpoint",
)


def running(statuses: Sequence[Status]) -> Table:
    """One line for each pipeline, and below it the error that it waits on."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        right = column in COLUMNS[2:8]
        table.add_column(column, justify="right" if right else "left", no_wrap=column != "checkpoint")
    for status in statuses:
        table.add_row(*_cells(status))
        if status.last_error:
            table.add_row(Text(f"  {status.last_error}", style="red"))
        if status.differing:
            table.add_row(Text(f"  differing: {', '.join(status.differing)}", style="yellow"))
    return table


def _cells(status: Status) -> Iterable[Text]:
    yield Text(status.name)
    yield Text(status.state, style=_STYLES.get(status.state, ""))
    yield Text(seconds(status.lag_seconds))
    yield Text(size(status.lag_bytes))
    for count in (status.transactions, status.changes, status.echoes):
        yield Text(f"{count:,}")
    yield Text(f"{status.quarantined:,}", style="yellow" if status.quarantined else "")
    yield Text(status.checkpoint, style="dim")


def seconds(value: float | None) -> str:
    """``0.2 s``, ``3 min``, ``5.1 h``; a dash for None."""
    if value is None:
        return "-"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def size(value: int | None) -> str:
    """``17 B``, ``1.4 MiB``; a dash for None."""
    if value is None:
        return "-"
    amount, unit = float(value), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"
