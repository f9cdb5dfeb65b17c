"""The one clock for every contender over a backlog.

It starts with the first commit (for a reader: the first batch) that completes the warm-up and ends with the last one;
what counts is what came in between. So neither a start nor the size of a batch is in the figure. Where one commit holds
everything, the whole backlog counts, from the start of whoever worked it off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.workload import Shape

POLL_SECONDS: Final = 0.005
PATIENCE_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Span:
    """What the clock saw."""

    changes: int
    seconds: float
    spent: tuple[float, ...]
    """Differences of what the caller's meters showed, e.g. CPU seconds."""

    @property
    def rate(self) -> float:
        """Changes a second."""
        return self.changes / self.seconds


def watch(
    done: Callable[[], int],
    shape: Shape,
    *,
    meters: Callable[[], tuple[float, ...]],
    alive: Callable[[], None] = lambda: None,
) -> Span:
    """Poll `done`, the changes committed so far with those to `marks`, to the end.

    `alive` raises once there is nothing to wait for. Raises RuntimeError when it takes too long.
    """
    begin, before, count = time.perf_counter(), meters(), 0
    deadline = begin + PATIENCE_SECONDS
    warm = False
    while (seen := done()) < shape.everything:
        now = time.perf_counter()
        if seen >= shape.warm_changes and not warm:
            begin, before, count, warm = now, meters(), seen, True
        if now > deadline:
            raise RuntimeError("the backlog was not worked off in time")
        alive()
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - begin
    return Span(seen - count, seconds, tuple(end - start for end, start in zip(meters(), before, strict=True)))
