"""Waiting for a condition with a deadline: the only way in which a test lets time pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_SECONDS = 0.02

Result = TypeVar("Result")


class NeverHappenedError(AssertionError):
    """The condition did not hold before the deadline."""


def wait_until(condition: Callable[[], Result], *, timeout: float = 60.0, what: str = "") -> Result:
    """Ask `condition` every 20 ms until its answer is true, and return that answer.

    Raises `NeverHappenedError`, naming `what` and the last answer, once `timeout` seconds have passed. The condition is
    asked once more after the deadline, so a slow machine costs time but not a failure.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        answer = condition()
        if answer:
            return answer
        if late:
            raise NeverHappenedError(f"not within {timeout:g} s: {what or _name(condition)} (last answer: {answer!r})")
        time.sleep(POLL_SECONDS)


def _name(condition: Callable[[], object]) -> str:
    return getattr(condition, "__qualname__", repr(condition))
