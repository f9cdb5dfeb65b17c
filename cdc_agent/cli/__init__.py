"""The command line: one module for each command, and what they share in `common`.

Exit status: 0 done, 1 stopped by an error, 2 usage or configuration, 3 findings.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

from cdc_agent import __version__

COMMANDS: Final = {
    "init": "propose a configuration for two databases",
    "check": "report everything that would stop or hurt the pipelines",
    "grants": "print the least rights that work, as SQL",
    "setup": "create checkpoints, publications and slots",
    "teardown": "remove what setup created",
    "run": "replicate until stopped",
    "status": "show position, lag and counts of each pipeline",
    "schema": "show what is known of the tables, or accept them as they are",
    "quarantine": "list the rows that wait for a person",
    "demo": "play a live two-way sync between servers of its own, with proof",
}
"""Each in ``cdc_agent.cli.<name>`` as the attribute ``command``; imported when it is called."""


class _Commands(click.Group):
    """Imports a command when it is asked for: `--help` loads no driver."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"cdc_agent.cli.{name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cdc-agent")
def main() -> None:
    """Keep live PostgreSQL, MySQL and MariaDB databases in step, in both directions, from their own logs."""


__all__ = ["COMMANDS", "main"]
