"""``cdc-agent init``: propose a configuration for two databases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import click
from pydantic import SecretStr, ValidationError

from cdc_agent.cli.common import ending
from cdc_agent.config.model import Database
from cdc_agent.conversions.convert import Context
from cdc_agent.engines.admin import Admin
from cdc_agent.engines.registry import connect
from cdc_agent.errors import ConfigError
from cdc_agent.model.tables import TargetTable
from cdc_agent.observe import logs
from cdc_agent.preflight import propose

PASSWORDS: Final = {"source": "CDC_AGENT_SOURCE_PASSWORD", "target": "CDC_AGENT_TARGET_PASSWORD"}
"""Environment variables: a password among the arguments would show in the list of processes."""


@click.command("init")
@click.option("--source", required=True, metavar="URL", help="postgresql://user@host:5432/name or mysql://…")
@click.option("--target", required=True, metavar="URL", help="The database to write to.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A new file; standard output without it."
)
@click.option("--source-name", help="The source's name in the configuration; its database's name without it.")
@click.option("--target-name", help="The target's name in the configuration.")
@ending(as_json=False)
def command(source: str, target: str, output: Path | None, source_name: str | None, target_name: str | None) -> None:
    """Read the tables of two databases and propose a configuration that pairs them.

    Passwords come from CDC_AGENT_SOURCE_PASSWORD and CDC_AGENT_TARGET_PASSWORD, and are not written down.
    """
    logs.configure(level="warning")
    if output is not None and output.exists():
        raise click.UsageError(f"{output} exists; name a new file")
    ends = (_database(source, "source"), _database(target, "target"))
    proposal = _proposal(ends, _names(ends, (source_name, target_name)), (_bare(source), _bare(target)))
    if output is None:
        click.echo(proposal, nl=False)
        return
    output.write_text(proposal, encoding="utf-8")
    click.echo(f"wrote {output}", err=True)


def _database(url: str, role: str) -> Database:
    secret = os.environ.get(PASSWORDS[role])
    try:
        return Database(url=url, password=SecretStr(secret) if secret else None)
    except ValidationError as error:
        problems = [detail["msg"].removeprefix("Value error, ") for detail in error.errors(include_input=False)]
        raise ConfigError(f"--{role}: {'; '.join(problems)}", hint="") from None


def _names(ends: tuple[Database, Database], given: tuple[str | None, str | None]) -> tuple[str, str]:
    source, target = given[0] or ends[0].name, given[1] or ends[1].name
    if source != target:
        return source, target
    return f"{source}-source", f"{target}-target"


def _bare(url: str) -> str:
    """The URL without a password."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}"))


def _proposal(ends: tuple[Database, Database], names: tuple[str, str], urls: tuple[str, str]) -> str:
    with connect(ends[0], "init") as source, connect(ends[1], "init") as target:
        sources = _tables(source, ends[0])
        engines = Context(engine=target.flavor, source_engine=source.flavor)
        pairs = propose.match_tables(sources, _tables(target, ends[1]), engines)
    paired = {pair.source.full_name for pair in pairs}
    strangers = [table for table in sources if table.full_name not in paired]
    schemas = (ends[0].default_schema, ends[1].default_schema)
    return propose.configuration(names, urls, pairs, strangers, engines=engines, schemas=schemas)


def _tables(server: Admin, database: Database) -> list[TargetTable]:
    """The tables of the one database that the URL names; MySQL's users often see others."""
    mine = [name for name in server.tables() if database.holds(name[0])]
    found = server.describe_all(mine)
    return [found[name] for name in mine if name in found]
