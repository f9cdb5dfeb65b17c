"""``cdc-agent quarantine``: the rows that wait for a person."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdc_agent.cli.common import Invocation, common

SHOWN = ("id", "quarantined_at", "state", "source_table", "target_table", "operation", "column_name", "code", "reason")


@click.command("quarantine")
@common
@click.option("--show-values", is_flag=True, help="Show the rows' values as well; they may be personal data.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Rows per pipeline.")
def command(invocation: Invocation, show_values: bool, limit: int) -> None:
    """List quarantined rows, newest first, with their reasons and without their values."""
    from cdc_agent.preflight.servers import Servers
    from cdc_agent.store import quarantine

    config = invocation.config()
    found: dict[str, list[dict[str, Any]]] = {}
    with Servers(config, "quarantine") as servers:
        for name in invocation.chosen(config):
            rows = quarantine.newest(servers[config.pipelines[name].target], name, limit)
            found[name] = [_plain(row, show_values) for row in rows]
    if invocation.as_json:
        invocation.show("", {"pipelines": [{"name": name, "rows": rows} for name, rows in found.items()]})
        return
    for name, rows in found.items():
        _print(name, rows, show_values)


def _plain(row: dict[str, Any], show_values: bool) -> dict[str, Any]:
    kept = {key: value for key, value in row.items() if show_values or key != "row_data"}
    kept["quarantined_at"] = kept["quarantined_at"].isoformat(sep=" ", timespec="milliseconds")
    return kept


def _print(name: str, rows: list[dict[str, Any]], show_values: bool) -> None:
    columns = (*SHOWN, "row_data") if show_values else SHOWN
    table = Table(title=f"{name}: {len(rows)} rows", title_justify="left", box=None, header_style="bold")
    for column in columns:
        table.add_column(column.removesuffix("_name"), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row[column] is None else str(row[column])) for column in columns))
    Console().print(table if rows else Text(f"{name}: nothing in quarantine"))
