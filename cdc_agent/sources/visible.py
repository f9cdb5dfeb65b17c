"""Waiting until a source's other sessions see what its log has told.

A server sends a transaction before it shows it: PostgreSQL while it waits for a synchronous standby, MySQL and MariaDB
between the log's sync and the storage engine's commit. In: a question that an engine's source asks. Out: an answer of
yes, within a bounded time. Never takes another row for the one that cannot be seen yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from cdc_agent.errors import NotYetVisible

VISIBLE_SECONDS: Final = 30.0
"""How long a transaction may take from the log to other sessions. As a rule it is less than a millisecond."""
_FIRST_PAUSE_SECONDS: Final = 0.001
_PAUSE_SECONDS: Final = 0.05


def until_visible(visible: Callable[[], bool], given_up: Callable[[], bool]) -> None:
    """Ask until the answer is yes. Raises NotYetVisible after `VISIBLE_SECONDS`, or when `given_up` says so."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while not visible():
        if given_up() or time.monotonic() > deadline:
            raise NotYetVisible("the source does not show transactions to other sessions yet that its log has sent")
        time.sleep(pause)
        pause = min(2 * pause, _PAUSE_SECONDS)
