"""The benchmarks run on servers that they start themselves; how fast anything is, is not looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import rounds, servers
from benchmarks.contender import AgentContender
from benchmarks.figures import latency, recovery, stages
from benchmarks.figures.backlogs import Plan
from benchmarks.peers.merge import Merge
from benchmarks.peers.native import Native
from benchmarks.peers.rows import Rows
from benchmarks.servers import Rig
from benchmarks.workload import Shape
from cdc_agent.demo.servers import ServerMissing


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Four servers of the benchmark's own; skipped where the machine has no MySQL or MariaDB to start."""
    try:
        with servers.rig(None) as running:
            yield running
    except ServerMissing as error:
        pytest.skip(str(error))


def test_a_round_measures_everyone(rig):
    """The agent and its peers all work off one backlog of mixed changes, and each yields a rate."""
    contenders = [
        AgentContender("there", "postgresql", "mysql"),
        AgentContender("back", "mysql", "postgresql", mapped=True),
        Native(),
        Rows(),
    ]
    shape = Shape(rows=200, operation="mixed")
    samples = rounds.play(rig, shape, contenders, figure="smoke", case="mixed", number=1)
    assert sorted(sample.contender for sample in samples) == sorted(one.name for one in contenders)
    assert all(sample.values["rate"] > 0 for sample in samples)
    assert samples[0].contender == "back", "the second round begins with the second contender"


def test_the_bare_merge_writes_every_row(rig):
    """The target's limit is measured on the same rows in each engine."""
    contenders = [Merge("copy", "postgresql", 100), Merge("load", "mysql", 100)]
    shape = Shape(rows=250, columns=5, width=50)
    samples = rounds.play(rig, shape, contenders, figure="smoke", case="merge", number=0)
    assert [sample.contender for sample in samples] == ["copy", "load"]


def test_latency_and_recovery_yield_their_values(rig):
    """Every rate has its percentiles, and a restart its two times."""
    plan = Plan(rows=200, repeat=1, only=("postgresql-postgresql",))
    waits = [sample for some in latency.latency(rig, plan, [200], 0.2, print) for sample in some]
    assert [sorted(sample.values) for sample in waits] == [["median", "p95", "p99", "reached", "worst"]] * 2
    times = [sample for some in recovery.recovery(rig, plan, print) for sample in some]
    assert all(0 < one.values["first_seconds"] <= one.values["current_seconds"] for one in times)


def test_every_step_of_every_pairing_is_timed(rig):
    """Taken apart, a pipeline still applies its backlog, and no step is free."""
    samples = [sample for some in stages.stages(rig, Plan(rows=200, repeat=1), print) for sample in some]
    assert len(samples) == 2 * 4
    assert all(sample.values[step] > 0 for sample in samples for step in ("read", "map", "apply"))
