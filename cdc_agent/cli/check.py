"""``cdc-agent check``: report everything that would stop or hurt the pipelines."""

from __future__ import annotations

import dataclasses
import sys

import click

from cdc_agent.cli.common import FINDINGS, Invocation, chosen, common
from cdc_agent.config.load import problems_error, read
from cdc_agent.preflight.findings import Severity, render, warning


@click.command("check")
@common
@click.option("--verbose", is_flag=True, help="Show each finding by itself, however many there are.")
def command(invocation: Invocation, verbose: bool) -> None:
    """Report all findings at once; exit with 3 when one of them is an error. Changes nothing."""
    from cdc_agent.preflight.check import check

    reading = read(invocation.path)
    if reading.config is None:
        raise problems_error(reading)
    found = [warning("PF007", f"{reading.file}:{w.line}", w.message, w.hint) for w in reading.warnings]
    found += check(reading.config, chosen(reading.config, invocation.pipelines))
    invocation.show(render(found, everything=verbose), {"findings": [dataclasses.asdict(finding) for finding in found]})
    if any(finding.severity is Severity.ERROR for finding in found):
        sys.exit(FINDINGS)
