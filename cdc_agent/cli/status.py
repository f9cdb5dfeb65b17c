"""``cdc-agent status``: position, lag and counts of each pipeline."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import click
from rich.console import Console
from rich.live import Live

from cdc_agent.cli.common import Invocation, common
from cdc_agent.model.status import Status, as_json
from cdc_agent.observe import status, tables


@click.command("status")
@common
@click.option("--watch", is_flag=True, help="Go on until interrupted; with --json one line each time.")
@click.option("--interval", type=click.FloatRange(0.2), default=2.0, show_default=True, help="Seconds for --watch.")
def command(invocation: Invocation, watch: bool, interval: float) -> None:
    """Show each pipeline as its databases show it, whether or not an agent runs."""
    from cdc_agent.preflight.servers import Servers

    config = invocation.config()
    names = invocation.chosen(config)

    def now() -> list[Status]:
        with Servers(config, "status") as servers:
            return status.read(config, names, servers)

    if watch:
        _watch(now, interval, invocation.as_json)
    elif invocation.as_json:
        invocation.show("", as_json(now()))
    else:
        Console().print(tables.running(now()))


def _watch(now: Callable[[], list[Status]], interval: float, lines: bool) -> None:
    try:
        if lines:
            while True:
                sys.stdout.write(json.dumps(as_json(now()), ensure_ascii=False) + "\n")
                sys.stdout.flush()
                time.sleep(interval)
        with Live(tables.running(now()), console=Console(), auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                live.update(tables.running(now()), refresh=True)
    except KeyboardInterrupt:
        return
