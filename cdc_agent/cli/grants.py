"""``cdc-agent grants``: the least rights that work, as SQL."""

from __future__ import annotations

import click

from cdc_agent.cli.common import Invocation, common


@click.command("grants")
@common
@click.option("--create-tables", is_flag=True, help="Also the rights that setup --create-tables needs.")
def command(invocation: Invocation, create_tables: bool) -> None:
    """Print, for each database, the SQL that gives its role the least rights that work. Connects to nothing."""
    from cdc_agent.preflight.grants import grants

    config = invocation.config()
    found = grants(config, invocation.chosen(config), create_tables=create_tables)
    blocks = []
    for name, statements in found.items():
        database = config.databases[name]
        lines = [line if line.startswith("--") else f"{line};" for line in statements]
        blocks.append("\n".join([f"-- {name}: {database.engine} {database.host}:{database.port}", *lines]))
    invocation.show("\n\n".join(blocks), {"databases": found})
