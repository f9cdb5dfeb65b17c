"""Between "map" and "apply": one batch is applied on a thread of its own while the next ones are mapped.

A server at work leaves the interpreter free, so on a busy pipeline decoding and mapping cost no time of their own. One
call may wait behind the one that runs, so that the server need not wait for two threads to pass on a turn. At most one
runs at a time, in the order in which they were handed over; whoever wants the target for something else calls `settle`
first. An idle pipeline never leaves its caller's thread.

Never starts a call before the one before it has ended well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeAlias, TypeVar

from cdc_agent.flow.threads import REAL, Mailbox, Thread, Threads

_P = ParamSpec("_P")
_R = TypeVar("_R")

Work: TypeAlias = Callable[[], None]

HANDED: Final = 2
"""Calls that may be handed over and not yet have ended."""


def _go_on() -> None:
    """Put in behind a call that failed: what is handed over from here on runs again."""


class Overlap:
    """One call at a time beside its owner's thread. Used by one owner."""

    def __init__(self, name: str, threads: Threads = REAL) -> None:
        self._name = name
        self._threads = threads
        self._work: Mailbox[Work | None] = threads.mailbox()
        self._outcomes: Mailbox[BaseException | None] = threads.mailbox()
        self._thread: Thread | None = None
        self._handed = 0
        """Calls that were handed over and not yet waited for."""

    @property
    def running(self) -> bool:
        """Whether a call was handed over and not yet waited for."""
        return self._handed > 0

    def run(self, work: Work, *, beside: bool) -> None:
        """Run `work` once all calls before it have ended: beside the caller, or at once and to its end.

        Raises what a call before raised, and then does not run `work`.
        """
        if not beside:
            self.settle()
            work()
            return
        while self._handed >= HANDED:
            self._wait()
        if self._thread is None:
            self._thread = self._threads.start(self._loop, self._name)
        self._handed += 1
        self._work.put(work)

    def settle(self) -> None:
        """Wait for the calls that were handed over. Raises what one of them raised; those behind it did not run."""
        while self._handed:
            self._wait()

    def _wait(self) -> None:
        error = self._outcomes.get()
        self._handed -= 1
        if error is not None:
            self._pass_over()
            self._work.put(_go_on)
            raise error

    def _pass_over(self) -> None:
        while self._handed:
            self._outcomes.get()
            self._handed -= 1

    def settled(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """`function`, which first waits until nothing runs: for what shares the target's connection."""

        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            self.settle()
            return function(*args, **kwargs)

        return call

    def close(self) -> None:
        """Wait for the calls that were handed over, whatever comes of them, and end the thread."""
        self._pass_over()
        if self._thread is not None:
            self._work.put(None)
            self._thread = None

    def _loop(self) -> None:
        failed = False
        while (work := self._work.get()) is not None:
            if work is _go_on:
                failed = False
                continue
            if failed:
                self._outcomes.put(None)
                continue
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - a thread's edge: `settle` raises it
                failed = True
                self._outcomes.put(error)
            else:
                self._outcomes.put(None)
