"""``cdc-agent quarantine``: the rows that wait for a person."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Final

import click

from cdc_agent.cli.common import Invocation, common

VALUES: Final = ("old_key", "new_key", "old_row", "new_row", "row_data")
"""What may be personal data: the change's keys and images, of which the last is the newest."""
WIDTH: Final = 79


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
        _print(name, rows)


def _plain(row: dict[str, Any], show_values: bool) -> dict[str, Any]:
    kept = {key: value for key, value in row.items() if show_values or key not in VALUES}
    kept["quarantined_at"] = kept["quarantined_at"].isoformat(sep=" ", timespec="milliseconds")
    return kept


def _print(name: str, rows: list[dict[str, Any]]) -> None:
    """A few lines to each row, which fit a terminal of 80 columns and break where they do not."""
    click.echo(f"{name}: {f'{len(rows)} rows' if rows else 'nothing in quarantine'}")
    for row in rows:
        click.echo("\n" + "\n".join(lines(row)))


def lines(row: dict[str, Any]) -> Iterator[str]:
    """A row for people: what it is, where it was to go, why it waits, and the values where they are there."""
    yield f"{row['id']}  {row['quarantined_at'][:19]}  {row['state']}  {row['operation']}"
    column = f", column {row['column_name']}" if row["column_name"] else ""
    yield from _folded(f"{row['source_table']} → {row['target_table']}{column}")
    yield from _folded(f"{row['code']}: {row['reason']}")
    for value in VALUES:
        if row.get(value) is not None and not _told(row, value):
            yield from _folded(f"{value.replace('_', ' ')}: {row[value]}")


def _told(row: dict[str, Any], value: str) -> bool:
    """``row_data`` is the newest image, which one of the two images is where they are kept."""
    return value == "row_data" and (row.get("new_row") or row.get("old_row")) is not None


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
