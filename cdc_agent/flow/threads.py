"""What the flow needs of threads and of the clock: made by `REAL`, or by whoever drives the flow step by step.

The simulation (tests/simulation) hands in threads that it runs one at a time and a clock that it moves itself; so
everything in `flow` that waits, locks or looks at the time does it through one `Threads`, chosen when a pipeline is
made. Nothing is looked up in it on a hot path: locks and clocks are taken from it once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

_T = TypeVar("_T")


class Flag(Protocol):
    """As `threading.Event`."""

    def is_set(self) -> bool: ...
    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Condition(AbstractContextManager[bool], Protocol):
    """As `threading.Condition`."""

    def wait(self, timeout: float | None = None) -> bool: ...
    def notify(self, n: int = 1) -> None: ...
    def notify_all(self) -> None: ...


class Lock(AbstractContextManager[bool], Protocol):
    """As `threading.Lock`."""


class Mailbox(Protocol, Generic[_T]):
    """As `queue.SimpleQueue`."""

    def put(self, item: _T) -> None: ...
    def get(self) -> _T: ...


class Thread(Protocol):
    """A thread that was started."""

    def join(self, timeout: float | None = None) -> None: ...


class Threads(Protocol):
    """Makes what one pipeline needs."""

    def clock(self) -> float:
        """Seconds from any start; never goes back."""

    def start(self, work: Callable[[], None], name: str) -> Thread:
        """Run `work` beside the caller, and do not outlive the process for it."""

    def flag(self) -> Flag: ...
    def lock(self) -> Lock: ...
    def condition(self) -> tuple[Lock, Condition]:
        """A lock, and the condition over it."""

    def mailbox(self) -> Mailbox[Any]: ...


class _Real:
    clock = staticmethod(time.monotonic)
    flag = staticmethod(threading.Event)
    lock = staticmethod(threading.Lock)

    def start(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        return thread

    def condition(self) -> tuple[threading.Lock, threading.Condition]:
        lock = threading.Lock()
        return lock, threading.Condition(lock)

    def mailbox(self) -> SimpleQueue[Any]:
        return SimpleQueue()


REAL: Threads = _Real()
"""The threads and the clock of the machine."""
