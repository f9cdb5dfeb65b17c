"""Many seeds in a row, and what is told of one that fails."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.shrink import failure_of, shrunk
from tests.simulation.world import World, scenario


@dataclass(frozen=True)
class Outcome:
    seeds: int = 0
    steps: int = 0
    commits: int = 0
    faults: int = 0
    failed: list[int] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.seeds + other.seeds,
            self.steps + other.steps,
            self.commits + other.commits,
            self.faults + other.faults,
            self.failed + other.failed,
        )


def run_seeds(start: int, count: int) -> Outcome:
    """Run these seeds one after the other."""
    return sum((_one(seed) for seed in range(start, start + count)), Outcome())


def _one(seed: int) -> Outcome:
    world = World(scenario(seed))
    failed: list[int] = []
    try:
        world.run()
    except Exception:  # noqa: BLE001 - `tell_failure` runs the seed again and tells it
        failed.append(seed)
    return Outcome(1, world.scheduler.steps, world.model.commits, world.weather.faults, failed)


def tell_failure(seed: int) -> str:
    """The story of a failing seed, shrunk, with the command that runs it again."""
    found = failure_of(scenario(seed))
    if found is None:
        return f"seed {seed} does not fail when it is run again: the simulation is not deterministic"
    small = shrunk(found)
    lines: list[str] = []
    failure_of(small.scenario, lines.append)
    again = f"python -m tests.simulation --start {seed}"
    return "\n".join(
        [
            f"seed {seed}: {type(found.error).__name__}: {found.error}",
            f"shrunk to {len(small.scenario.plans)} transactions: {type(small.error).__name__}: {small.error}",
            *lines,
            f"again: {again}",
        ]
    )
