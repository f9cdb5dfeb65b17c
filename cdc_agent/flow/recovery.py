"""What happens after an error: the one place that decides between retry, quarantine and stop.

In: an `errors.AgentError`, translated at the edge. Out: a `Decision`. An error that is none of ours stops the
pipeline: an unknown failure is never retried into a loop, and never skipped.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from cdc_agent.errors import AgentError, RefusalStorm, Retryable, RowRefused, SchemaChange

Decision: TypeAlias = Literal["retry", "wait", "quarantine", "stop"]

FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 30.0
WAITING_DELAY: Final = 5.0
"""The longest time until a schema that is waited for is looked at again."""
STORM_WINDOW: Final = 1000
STORM_MINIMUM: Final = 50


def decide(error: BaseException) -> Decision:
    """Retry what passes by itself, wait for a schema, quarantine what concerns one row, stop for everything else."""
    if isinstance(error, SchemaChange):
        return "wait"
    if isinstance(error, Retryable):
        return "retry"
    if isinstance(error, RowRefused):
        return "quarantine"
    return "stop"


@dataclass(slots=True)
class Backoff:
    """Delays that double from 0.2 to 30 seconds, each spread by ±50 % so that many agents do not return together."""

    failures: int = 0

    def next_delay(self, longest: float = LONGEST_DELAY) -> float:
        """Seconds to wait before the next try."""
        delay: float = min(longest, FIRST_DELAY * 2**self.failures)
        self.failures = min(self.failures + 1, 16)
        return delay * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """The work went on: the next failure starts from the shortest delay."""
        self.failures = 0


class StormGuard:
    """Stops a pipeline whose rows are refused in numbers: then the mapping is wrong, not the rows."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._window: deque[tuple[int, int]] = deque()
        self._rows = 0
        self._refused = 0

    def count(self, rows: int, refused: int) -> None:
        """Account for one batch. Raises RefusalStorm when too large a share of the last 1,000 rows was refused."""
        self._window.append((rows, refused))
        self._rows += rows
        self._refused += refused
        while self._window and self._rows - self._window[0][0] >= STORM_WINDOW:
            old_rows, old_refused = self._window.popleft()
            self._rows -= old_rows
            self._refused -= old_refused
        if self._refused >= STORM_MINIMUM and self._refused > self._limit * self._rows:
            raise RefusalStorm(f"{self._refused} of the last {self._rows} rows were refused")


def describe(error: BaseException) -> str:
    """One line for status and logs: code and message, or the type of an error that is none of ours."""
    if isinstance(error, AgentError):
        return f"{error.code}: {error.message}"
    return type(error).__name__
