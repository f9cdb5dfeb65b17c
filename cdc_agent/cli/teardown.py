"""``cdc-agent teardown``: remove what setup created."""

from __future__ import annotations

import dataclasses

import click

from cdc_agent.cli.common import Invocation, common


@click.command("teardown")
@common
@click.option("--schema", is_flag=True, help="Also drop cdc_agent, quarantine included, where no pipeline remains.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(invocation: Invocation, schema: bool, yes: bool) -> None:
    """Drop the slots, publications and checkpoints of pipelines; they can only start afresh after that."""
    from cdc_agent.preflight.teardown import tear_down

    config = invocation.config()
    names = invocation.chosen(config)
    if not yes:
        what = " and everything in cdc_agent" if schema else ""
        question = f"Drop slots, publications and checkpoints of {', '.join(names)}{what}?"
        click.confirm(question, abort=True, err=True)
    report = tear_down(config, names, schema=schema)
    lines = [f"removed    {what}" for what in report.done] + [f"not there  {what}" for what in report.unchanged]
    invocation.show("\n".join(lines), dataclasses.asdict(report))
