"""Milliseconds from a commit to its being visible on the target, at steady rates of one-row transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from benchmarks import live, traffic
from benchmarks.contender import title
from benchmarks.figures.backlogs import Plan, Say
from benchmarks.live import Link
from benchmarks.measured import Sample
from benchmarks.peers import native
from benchmarks.servers import Rig

TABLES: Final = ("latency_rows",)


def latency(rig: Rig, plan: Plan, rates: Sequence[int], seconds: float, say: Say) -> Iterator[list[Sample]]:
    """All rates through one contender, then through the next; every round begins with another one."""
    links: dict[str, Callable[[], contextlib.AbstractContextManager[Link]]] = {}
    if "postgresql" in {source for source, _ in plan.pairings()}:
        links[native.NAME] = partial(live.by_native, rig, TABLES)
    for source, target in plan.pairings():
        links[title(rig, source, target)] = partial(live.by_agent, rig, source, target, TABLES)
    names = list(links)
    for number in range(plan.repeat):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            say(f"latency, {name}, round {number + 1} of {plan.repeat}")
            with links[name]() as link:
                traffic.first_rows(link)
                yield [
                    Sample("latency", str(rate), name, number, _at(link, place, rate, seconds))
                    for place, rate in enumerate(rates, 1)
                ]


def _at(link: Link, place: int, rate: int, seconds: float) -> dict[str, float]:
    return traffic.measure(link, first=place * 10_000_000, rate=rate, seconds=seconds)
