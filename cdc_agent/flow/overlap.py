"""Between "map" and "apply": one batch is applied on a thread of its own while the next one is mapped.

A server at work leaves the interpreter free, so on a busy pipeline decoding and mapping cost no time of their own.
At most one call runs at a time, in the order in which they were handed over; whoever wants the target for something
else calls `settle` first. An idle pipeline never leaves its caller's thread.

Never starts a call before the one before it has ended well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeAlias, TypeVar

from cdc_agent.flow.threads import REAL, Mailbox, Thread, Threads

_P = ParamSpec("_P")
_R = TypeVar("_R")

Work: TypeAlias = Callable[[], None]


class Overlap:
    """One call at a time beside its owner's thread. Used by one owner."""

    def __init__(self, name: str, threads: Threads = REAL) -> None:
        self._name = name
        self._threads = threads
        self._work: Mailbox[Work | None] = threads.mailbox()
        self._outcomes: Mailbox[BaseException | None] = threads.mailbox()
        self._thread: Thread | None = None
        self.running = False
        """Whether a call was handed over and not yet waited for."""

    def run(self, work: Work, *, beside: bool) -> None:
        """Run `work` once the call before it has ended: beside the caller, or at once and to its end.

        Raises what the call before raised, and then does not run `work`.
        """
        self.settle()
        if not beside:
            work()
            return
        if self._thread is None:
            self._thread = self._threads.start(self._loop, self._name)
        self.running = True
        self._work.put(work)

    def settle(self) -> None:
        """Wait for the call that is running, if one is. Raises what it raised."""
        if not self.running:
            return
        error = self._outcomes.get()
        self.running = False
        if error is not None:
            raise error

    def settled(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """`function`, which first waits until nothing runs: for what shares the target's connection."""

        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            self.settle()
            return function(*args, **kwargs)

        return call

    def close(self) -> None:
        """Wait for the call that is running, whatever comes of it, and end the thread."""
        if self.running:
            self._outcomes.get()
            self.running = False
        if self._thread is not None:
            self._work.put(None)
            self._thread = None

    def _loop(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - a thread's edge: `settle` raises it
                self._outcomes.put(error)
            else:
                self._outcomes.put(None)
