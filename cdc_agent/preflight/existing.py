"""Rows that were there before the agent: it copies none of them, so setup and check say so.

In: the routes of a pipeline and both servers. Out: the routes whose source table holds rows while its target table
holds none. Once a pipeline has a checkpoint nothing is asked: its rows came by the log, or a person knew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cdc_agent.errors import ExistingRows
from cdc_agent.mapping.routes import Route
from cdc_agent.preflight.context import OnDatabase
from cdc_agent.preflight.findings import Finding, error
from cdc_agent.preflight.pictures import Pictures

SHOWN: Final = 5


def uncopied(source: Pictures, target: Pictures, routes: Sequence[Route]) -> list[Route]:
    """The routes from a table with rows to one that has none, or is not there yet."""
    here = [route for route in routes if source.describe(*route.source) is not None]
    full = source.filled(list(dict.fromkeys(route.source for route in here)))
    some = [route for route in here if route.source in full]
    there = list(dict.fromkeys(route.target for route in some if target.describe(*route.target) is not None))
    held = target.filled(there)
    return [route for route in some if route.target not in held]


def message(routes: Sequence[Route]) -> str:
    """What is missing, in words."""
    names = [".".join(route.source) for route in routes]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"existing rows of {', '.join(names[:SHOWN])}{more} are not copied, and the target tables are empty"


def require_none(source: Pictures, target: Pictures, routes: Sequence[Route], pipeline: str) -> None:
    """Raise ExistingRows where a first checkpoint would leave rows behind."""
    found = uncopied(source, target, routes)
    if found:
        raise ExistingRows(f"pipeline {pipeline}: {message(found)}")


def finding(pipeline: str, source: OnDatabase, target: OnDatabase, routes: Sequence[Route]) -> Iterator[Finding]:
    """The same for `check`."""
    found = uncopied(source.pictures, target.pictures, routes)
    if found:
        yield error("PF064", pipeline, message(found), ExistingRows.hint)
