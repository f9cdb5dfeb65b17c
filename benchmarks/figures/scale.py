"""Many tables in one pipeline, and many pipelines in one process: start, memory and lag beside one of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from benchmarks import live, traffic, usage
from benchmarks.contender import title
from benchmarks.figures.backlogs import Plan, Say
from benchmarks.measured import Sample
from benchmarks.rounds import Values
from benchmarks.servers import Engine, Rig


def scale(
    rig: Rig, plan: Plan, tables: Sequence[int], pipelines: Sequence[int], rate: int, seconds: float, say: Say
) -> Iterator[list[Sample]]:
    """One-row transactions at a steady rate over all tables in turn."""
    cases = {f"{count:,} {'table' if count == 1 else 'tables'}": (count, 1) for count in tables}
    cases |= {f"{count:,} {'pipeline' if count == 1 else 'pipelines'}": (count, count) for count in pipelines}
    for number in range(plan.repeat):
        for source, target in plan.pairings():
            name = title(rig, source, target)
            for case, (table_count, pipeline_count) in cases.items():
                say(f"scale, {name}, {case}, round {number + 1} of {plan.repeat}")
                values = _one(rig, source, target, table_count, pipeline_count, rate, seconds)
                yield [Sample("scale", case, name, number, values)]


def _one(rig: Rig, source: Engine, target: Engine, tables: int, pipelines: int, rate: int, seconds: float) -> Values:
    names = [f"scale_{number}" for number in range(tables)]
    with live.by_agent(rig, source, target, names, pipelines=pipelines) as link:
        assert link.running is not None
        pid = link.running.process.pid
        start = traffic.first_rows(link)
        waits = traffic.measure(link, first=1_000_000, rate=rate, seconds=seconds)
        before, at = usage.cpu_seconds([pid]), time.perf_counter()
        time.sleep(2)
        idle = (usage.cpu_seconds([pid]) - before) / (time.perf_counter() - at)
        return {**waits, "start_seconds": start, "peak_mib": usage.peak_mib(pid), "idle_cores": idle}
