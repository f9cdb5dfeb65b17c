"""A failing run made small: fewer transactions, smaller ones, fewer faults, as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tests.simulation.world import Scenario, World

SCHEDULES = 4
"""A story with less in it may need another schedule to fail."""


@dataclass(frozen=True)
class Failure:
    scenario: Scenario
    error: BaseException
    faults: int


def failure_of(scenario: Scenario, tell: Callable[[str], None] | None = None) -> Failure | None:
    """Run it; None when all went well."""
    world = World(scenario, tell)
    try:
        world.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return Failure(scenario, error, world.weather.faults)
    return None


def shrunk(failure: Failure, runs: int = 400) -> Failure:
    """A smaller scenario that fails as well, after so many runs at most."""
    left = runs
    smaller = True
    while smaller and left > 0:
        smaller = False
        for candidate in _smaller(failure):
            found, used = _fails(candidate)
            left -= used
            if found is not None:
                failure, smaller = found, True
                break
            if left <= 0:
                break
    return failure


def _fails(scenario: Scenario) -> tuple[Failure | None, int]:
    for number in range(SCHEDULES):
        found = failure_of(replace(scenario, schedule=scenario.schedule + number))
        if found is not None:
            return found, number + 1
    return None, SCHEDULES


def _smaller(failure: Failure) -> Iterator[Scenario]:
    scenario = failure.scenario
    plans = scenario.plans
    size = len(plans) // 2
    while size:
        for start in range(0, len(plans), size):
            yield replace(scenario, plans=plans[:start] + plans[start + size :])
        size //= 2
    for place, plan in enumerate(plans):
        if len(plan.intentions) > 1:
            for without in range(len(plan.intentions)):
                less = replace(plan, intentions=plan.intentions[:without] + plan.intentions[without + 1 :])
                yield replace(scenario, plans=(*plans[:place], less, *plans[place + 1 :]))
    happened = [number for number in range(1, failure.faults + 1) if number not in scenario.without]
    size = len(happened)
    while size:
        for start in range(0, len(happened), size):
            yield replace(scenario, without=scenario.without | frozenset(happened[start : start + size]))
        size //= 2
