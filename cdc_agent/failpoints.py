"""Named places where a run can be made to fail, to show that it loses and repeats nothing: for tests, off otherwise.

`CDC_FAILPOINT=NAME:before|after:exit|raise|hold[:N][,…]` ends the process, raises `FailpointReached` or stands still
when the step of that name is reached for the N-th time (the first when not given), before it or after it has done its
work. Without the variable nothing is wrapped and nothing counted. Never imported by what it fails.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

import structlog

from cdc_agent.errors import ConfigError, FailpointReached

log = structlog.get_logger(__name__)

VARIABLE: Final = "CDC_FAILPOINT"
EXIT_STATUS: Final = 70
TARGET: Final = (
    "target.connect",
    "target.foresee",
    "target.describe",
    "target.take_over",
    "target.claim",
    "target.begin",
    "target.apply",
    "target.attempt",
    "target.quarantine",
    "target.recall",
    "target.remember",
    "target.finish",
    "target.commit",
)
SOURCE: Final = (
    "source.identity",
    "source.current_position",
    "source.start",
    "source.read",
    "source.emit",
    "source.acknowledge",
    "source.reread",
)
SCHEMA: Final = ("target.alter",)
"""A change of a table that is followed."""
SETUP: Final = (
    "setup.schema",
    "setup.target_table",
    "setup.publication",
    "setup.slot",
    "setup.checkpoint",
    "source.unlogged_keys",
    "store.migration",
)
NAMES: Final = (*TARGET, *SCHEMA, *SOURCE, *SETUP)
_WHENS: Final = ("before", "after")
_ACTIONS: Final = ("exit", "raise", "hold")


@dataclass(slots=True)
class Failpoint:
    """One entry of the variable; counts down to the time that it strikes."""

    name: str
    when: str
    action: str
    left: int = 1


@functools.cache
def armed() -> tuple[Failpoint, ...]:
    """What the environment asks for, read once. Raises ConfigError for what is not known."""
    return tuple(parse(entry) for entry in os.environ.get(VARIABLE, "").split(",") if entry.strip())


def parse(entry: str) -> Failpoint:
    """One entry. Raises ConfigError that says what is allowed in its place."""
    name, when, action, count = [*entry.strip().split(":"), *[""] * 4][:4]
    for given, known in ((name, NAMES), (when, _WHENS), (action, _ACTIONS)):
        if given not in known:
            raise ConfigError(f"{VARIABLE}: {given!r} in {entry!r} is none of {', '.join(known)}")
    if not (count or "1").isdigit() or not int(count or "1") or entry.count(":") > 3:
        raise ConfigError(f"{VARIABLE}: {entry!r} is not NAME:WHEN:ACTION[:N]")
    return Failpoint(name, when, action, int(count or "1"))


@contextmanager
def around(name: str) -> Iterator[None]:
    """A step by that name: fails before it, or after it has worked, when that is asked for."""
    _reach(name, "before")
    yield
    _reach(name, "after")


def _reach(name: str, when: str) -> None:
    for point in armed():
        if (point.name, point.when) == (name, when):
            point.left -= 1
            if point.left == 0:
                _strike(point)


def _strike(point: Failpoint) -> None:
    log.warning("failpoint", name=point.name, when=point.when, action=point.action)
    if point.action == "exit":
        os._exit(EXIT_STATUS)
    if point.action == "raise":
        raise FailpointReached(f"failpoint {point.name}, {point.when}")
    _hold()


def _hold() -> NoReturn:
    """Stand still as a process does whose machine sleeps; only the end of the process ends it."""
    while True:
        threading.Event().wait(3600)
