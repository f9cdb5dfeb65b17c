"""``cdc-agent setup``: create checkpoints, publications and slots."""

from __future__ import annotations

import dataclasses

import click

from cdc_agent.cli.common import Invocation, common


@click.command("setup")
@common
@click.option("--create-tables", is_flag=True, help="Also create target tables that are missing.")
@click.option("--print", "only_print", is_flag=True, help="Print the SQL of --create-tables, and change nothing.")
@click.option(
    "--existing-rows",
    type=click.Choice(["refuse", "ignore"]),
    default="refuse",
    show_default=True,
    help="Rows that the source has and an empty target has not: they are not copied.",
)
@click.option("--upgrade", is_flag=True, help="Also upgrade the agent's own tables, when an older version made them.")
@click.option("--without-identity", is_flag=True, help="Also publish tables whose UPDATE and DELETE will fail thereby.")
def command(
    invocation: Invocation,
    create_tables: bool,
    only_print: bool,
    existing_rows: str,
    upgrade: bool,
    without_identity: bool,
) -> None:
    """Create what the pipelines need on their servers; running it again changes nothing."""
    from cdc_agent.preflight.setup import printed, set_up

    config = invocation.config()
    if only_print:
        found = printed(config, invocation.chosen(config))
        invocation.show("\n\n".join(map(_script, found.items())), {"databases": found})
        return
    report = set_up(
        config,
        invocation.chosen(config),
        create_tables=create_tables,
        upgrade=upgrade,
        ignore_existing=existing_rows == "ignore",
        without_identity=without_identity,
    )
    kinds = (("done", report.done), ("unchanged", report.unchanged), ("left out", report.left_out))
    lines = [f"{kind:<9}  {what}" for kind, found in kinds for what in found]
    invocation.show("\n".join(lines), dataclasses.asdict(report))


def _script(database: tuple[str, list[str]]) -> str:
    name, statements = database
    lines = [line if line.startswith("--") else f"{line};" for line in statements]
    return "\n".join([f"-- {name}: {sum(not line.startswith('--') for line in lines)} statements", *lines])
