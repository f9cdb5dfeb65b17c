"""Transactions that a slot's stream has brought, as long as it is not known whether others see them.

In: the beginning of each, from the reader thread, which costs one append; what the target holds, from the applier's.
Out: a wait until a snapshot shows all of them. What the target holds is not read again, and so forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from cdc_agent.sources.visible import until_visible

Unseen = Callable[[Sequence[int]], list[int]]
"""Those of some transactions, by their 32-bit ids, that others do not see."""


class Received:
    def __init__(self) -> None:
        self.begun: Final[deque[tuple[int, int]]] = deque()
        """(where its commit record begins, its id), in the order of the log."""
        self._lock = Lock()
        """Held for moments by those who take from the left; the reader appends without."""
        self._unseen: list[int] = []

    def forget(self, held: int) -> None:
        """The target holds everything up to this LSN."""
        begun = self.begun
        with self._lock:
            while begun and begun[0][0] < held:
                begun.popleft()

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
