"""Whether a PostgreSQL server's answered commits survive a crash: a question, and its answer in words.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

QUESTION: Final = "SELECT current_setting('fsync') = 'on'"

SURE: Final = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
"""Commits of the session wait for the disk; one that waits for standbys, or for the disk alone, goes on to do so."""


def unsure(rows: Sequence[Sequence[Any]]) -> str | None:
    """The setting for which a commit under `SURE` may be lost; None: it stays."""
    return None if rows[0][0] else "fsync = off"
