"""The centre under many interleavings: whatever the seed decides, the invariants hold."""

from __future__ import annotations

import random

import pytest

from tests.simulation.run import run_seeds, tell_failure
from tests.simulation.world import World, scenario
from tests.support.thorough import FACTOR

SEEDS = 600
CHUNK = 50
RANDOM_SEEDS = 10_000


@pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
def test_the_invariants_hold_under_every_interleaving(start: int) -> None:
    """Invariants 1 to 7 hold after each commit and each acknowledgement, and in the end the target has caught up."""
    outcome = run_seeds(start, CHUNK)
    assert not outcome.failed, tell_failure(outcome.failed[0])


@pytest.mark.skipif(FACTOR == 1, reason="only a thorough run takes seeds that nobody has run before")
@pytest.mark.timeout(3600)
def test_the_invariants_hold_for_seeds_that_were_never_run() -> None:
    """The same with seeds by chance."""
    outcome = run_seeds(random.SystemRandom().randrange(10**9), RANDOM_SEEDS)
    assert not outcome.failed, tell_failure(outcome.failed[0])


def test_a_seed_gives_the_same_run_every_time() -> None:
    """A failure can be run again."""
    told: list[list[str]] = [[], []]
    for lines in told:
        World(scenario(7), lines.append).run()
    assert told[0] == told[1]
    assert len(told[0]) > 20
