"""``cdc-agent setup``: create checkpoints, publications and slots."""

from __future__ import annotations

import dataclasses

import click

from cdc_agent.cli.common import Invocation, common


@click.command("setup")
@common
@click.option("--create-tables", is_flag=True, help="Also create target tables that are missing.")
@click.option("--upgrade", is_flag=True, help="Also upgrade the agent's own tables, when an older version made them.")
def command(invocation: Invocation, create_tables: bool, upgrade: bool) -> None:
    """Create what the pipelines need on their servers; running it again changes nothing."""
    from cdc_agent.preflight.setup import set_up

    config = invocation.config()
    report = set_up(config, invocation.chosen(config), create_tables=create_tables, upgrade=upgrade)
    lines = [f"done       {what}" for what in report.done] + [f"unchanged  {what}" for what in report.unchanged]
    invocation.show("\n".join(lines), dataclasses.asdict(report))
