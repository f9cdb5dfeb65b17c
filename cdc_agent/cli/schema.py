"""``cdc-agent schema``: what is remembered of each routed table, how it stands, and accepting it as it is."""

from __future__ import annotations

import getpass
import socket
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdc_agent.cli.common import Invocation, common
from cdc_agent.errors import ConfigError
from cdc_agent.model.remembered import Aspect, Condition, Memory, Remembered, TableState

SETTLED = (Condition.STREAMING,)


@click.command("schema")
@common
@click.argument("act", type=click.Choice(["show", "accept"]), default="show")
@click.option("--table", "tables", multiple=True, metavar="SCHEMA.TABLE", help="Only this source table; repeatable.")
def command(invocation: Invocation, act: str, tables: tuple[str, ...]) -> None:
    """Show how the routed tables are known and stand; `accept` takes those that wait or differ as they are."""
    from cdc_agent.preflight.servers import Servers
    from cdc_agent.store import memory

    config = invocation.config()
    found: dict[str, Memory] = {}
    accepted: dict[str, list[TableState]] = {}
    with Servers(config, "schema") as servers:
        for name in invocation.chosen(config):
            target = servers[config.pipelines[name].target]
            found[name] = memory.read(target, name)
            accepted[name] = _open(found[name], tables) if act == "accept" else []
            for state in accepted[name]:
                memory.accept(target, name, state, f"{getpass.getuser()}@{socket.gethostname()}")
    if act == "show":
        _show(invocation, found, tables)
    else:
        _tell(invocation, accepted, tables)


def _open(found: Memory, tables: tuple[str, ...]) -> list[TableState]:
    """What can be accepted; a change that the agent is making itself is not."""
    wanted = (Condition.WAITING, Condition.DIFFERING)
    return [one for one in found.states if one.condition in wanted and _chosen(one.source, tables)]


def _chosen(name: tuple[str, str], tables: tuple[str, ...]) -> bool:
    return not tables or ".".join(name) in tables or name[1] in tables


def _tell(invocation: Invocation, accepted: dict[str, list[TableState]], tables: tuple[str, ...]) -> None:
    names = [(name, ".".join(one.source), one) for name, states in accepted.items() for one in states]
    if tables and not names:
        raise ConfigError(f"no table waits or differs among {', '.join(tables)}", hint="cdc-agent schema lists them")
    lines = [f"{name}: {table} accepted as it is ({one.code}: {one.reason})" for name, table, one in names]
    data = [{"pipeline": name, "table": table, "code": one.code, "reason": one.reason} for name, table, one in names]
    invocation.show("\n".join(lines) or "no table waits or differs", {"accepted": data})


def _show(invocation: Invocation, found: dict[str, Memory], tables: tuple[str, ...]) -> None:
    if invocation.as_json:
        invocation.show("", {"pipelines": [_as_json(name, one, tables) for name, one in found.items()]})
        return
    for name, one in found.items():
        _print(name, one, tables)


def _rows(found: Memory, tables: tuple[str, ...]) -> list[tuple[Remembered | None, TableState | None]]:
    """Each route with what is known of it and how it stands."""
    known = {(one.source, one.target): one for one in found.known if one.aspect is Aspect.TABLES}
    states = {(one.source, one.target): one for one in found.states}
    pairs = [pair for pair in dict.fromkeys((*states, *known)) if _chosen(pair[0], tables)]
    return [(known.get(pair), states.get(pair)) for pair in pairs]


def _as_json(name: str, found: Memory, tables: tuple[str, ...]) -> dict[str, Any]:
    from cdc_agent.schema.versions import as_json, of_text

    listed = []
    for known, state in _rows(found, tables):
        one = known or state
        assert one is not None
        told = {} if state is None else asdict(state)
        for key in ("pending", "source", "target", "condition"):
            told.pop(key, None)
        listed.append(
            {
                "source": ".".join(one.source),
                "target": ".".join(one.target),
                "state": str(state.condition if state else Condition.STREAMING),
                **told,
                "known": None if known is None else as_json(of_text(known.description)),
            }
        )
    return {"name": name, "tables": listed}


def _print(name: str, found: Memory, tables: tuple[str, ...]) -> None:
    from cdc_agent.schema.versions import of_text

    rows = _rows(found, tables)
    shown = Table(title=f"{name}: {len(rows)} tables", title_justify="left", box=None, header_style="bold")
    for column in ("source", "target", "columns", "state", "since"):
        shown.add_column(column, overflow="fold")
    for known, state in rows:
        one = known or state
        assert one is not None
        counts = ""
        if known is not None:
            version = of_text(known.description)
            counts = f"{len(version.source.columns)} → {len(version.target.columns)}"
        condition = state.condition if state else Condition.STREAMING
        cells = (".".join(one.source), ".".join(one.target), counts, condition, state.since if state else "")
        shown.add_row(*map(Text, cells))
    console = Console()
    console.print(shown if rows else Text(f"{name}: no table is known yet"))
    for _, state in rows:
        if state is not None and state.condition not in SETTLED:
            console.print(Text(f"  {'.'.join(state.source)}: {state.code}: {state.reason}"))
            for line in filter(None, state.statement.split(";\n")):
                console.print(Text(f"    {line};"))
