"""Transactions that a slot's stream has brought, as long as it is not known whether others see them.

In: the beginning of each, from the reader thread, which costs one append; what the target holds, from the applier's.
Out: a wait until a snapshot shows them: those that the target does not hold, before a row is read again; all of them,
and those that an earlier session was brought, before rows are read that no change in the stream asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from cdc_agent.sources.visible import until_visible

Unseen = Callable[[Sequence[int]], list[int]]
"""Those of some transactions, by their 32-bit ids, that others do not see."""
Running = Callable[[], list[int]]
"""All transactions that others do not see now."""
KEPT: Final = 100_000
"""So many that the target holds are remembered; beyond them every transaction that runs may be one of them."""


class Received:
    def __init__(self) -> None:
        self.begun: Final[deque[tuple[int, int]]] = deque()
        """(where its commit record begins, its id), in the order of the log."""
        self._lock = Lock()
        """Held for moments by those who take from the left; the reader appends without."""
        self._unseen: list[int] = []
        self._held: Final[deque[int]] = deque(maxlen=KEPT)
        """The target holds them, and others may not see them."""
        self._doubtful: list[int] = []
        self._all_known = False
        """Whether there are no others that the target holds and others may not see: not at first, since an earlier
        session may have been brought them."""

    def forget(self, held: int) -> None:
        """The target holds everything up to this LSN."""
        begun = self.begun
        with self._lock:
            while begun and begun[0][0] < held:
                self._all_known = self._all_known and len(self._held) < KEPT
                self._held.append(begun.popleft()[1])

    def settle(self, unseen: Unseen, given_up: Callable[[], bool]) -> None:
        """Return once others see everything that was received before the call; one thread at a time.

        Nobody is asked while nothing new was received. Raises as `until_visible`, and what `unseen` raises.
        """
        with self._lock:
            while self.begun:
                self._unseen.append(self.begun.popleft()[1])

        def visible() -> bool:
            if self._unseen:
                self._unseen = unseen(self._unseen)
            return not self._unseen

        until_visible(visible, given_up)

    def settle_all(self, unseen: Unseen, running: Running, given_up: Callable[[], bool]) -> None:
        """Return once others see also what the target holds; one thread at a time.

        Where that is not known one by one, everything is waited for that runs at the moment, as PostgreSQL does itself
        before it makes a slot. Raises as `settle`.
        """
        with self._lock:
            self._doubtful += [*self._held, *self._unseen, *(xid for _, xid in self.begun.copy())]
            self._held.clear()
        if not self._all_known:
            self._doubtful += running()
            with self._lock:
                self._all_known = len(self._held) < KEPT

        def visible() -> bool:
            if self._doubtful:
                self._doubtful = unseen(self._doubtful)
            return not self._doubtful

        until_visible(visible, given_up)
