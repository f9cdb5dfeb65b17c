"""The step "acknowledge": the source is told what the target will still have after a crash.

In: positions as they are committed. Out: the same to the source, at once or `delay` seconds later, in order. A target
that answers COMMIT before the transaction is on its disk may lose its last seconds, checkpoint and rows together; the
source must then still have the log behind the checkpoint that is left. Never runs before the target's commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from cdc_agent.model.positions import Position

UNSURE_SECONDS: Final = 60.0
"""The delay where the target does not make sure of its commits, and the configuration names none."""
_STEPS: Final = 64
"""About so many positions wait at most."""


class Acknowledgements:
    """Used by the applier's thread alone."""

    def __init__(self, tell: Callable[[Position], None], delay: float, clock: Callable[[], float]) -> None:
        self._tell = tell
        self._delay = delay
        self._clock = clock
        self._waiting: deque[tuple[float, Position]] = deque()

    def committed(self, position: Position) -> None:
        """The target has answered the commit of everything up to here."""
        if not self._delay:
            self._tell(position)
            return
        now, waiting = self._clock(), self._waiting
        if len(waiting) > 1 and waiting[-1][0] - waiting[-2][0] < self._delay / _STEPS:
            waiting.pop()
        waiting.append((now, position))
        self.look()

    def look(self) -> None:
        """Tell what has waited for long enough."""
        due, now = None, self._clock()
        while self._waiting and now - self._waiting[0][0] >= self._delay:
            due = self._waiting.popleft()[1]
        if due is not None:
            self._tell(due)
