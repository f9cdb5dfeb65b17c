"""`cdc-agent demo`: a live two-way sync between servers of its own, with the proof at the end."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import click
from rich.console import Console

from cdc_agent.demo.play import DemoFailed, play
from cdc_agent.demo.servers import ServerMissing

CONFIG = "phone-crm.yaml"


@click.command(name="demo")
@click.option("--seconds", default=30.0, show_default=True, help="How long both sides write.")
@click.option("-c", "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Mapping to run.")
def command(seconds: float, config: Path | None) -> None:
    """Start a PostgreSQL and a MySQL or MariaDB, let two applications write, and show that both sides agree."""
    console = Console()
    try:
        agreed = play(config or _default_config(), seconds, console)
    except (DemoFailed, ServerMissing) as error:
        console.print(f"[red]error:[/] {error}")
        sys.exit(1)
    sys.exit(0 if agreed else 3)


def _default_config() -> Path:
    """The packaged mapping, or the checkout's own."""
    packaged = Path(str(resources.files("cdc_agent.demo").joinpath(CONFIG)))
    checkout = Path(__file__).parents[2] / "configs" / CONFIG
    return packaged if packaged.exists() else checkout
