"""Which of PostgreSQL's transactions other sessions do not see yet. Transaction ids in, some of them out.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"
_RUNNING: Final = "SELECT pg_current_snapshot()::text, age('3'::xid)"
"""How far the next id is from the first that there ever was."""
_XIDS: Final = 1 << 32
"""The log names transactions by the low 32 bits of their ids, which wrap around."""


def unseen(connection: psycopg.Connection[Any], xids: Sequence[int]) -> list[int]:
    """Those of these top-level transactions that a statement which began now would not see.

    They are in progress for others as long as they stand in the snapshot's list, or are not before its end: the
    youngest of all is not in the list. A prepared transaction stands there until COMMIT PREPARED has ended.
    """
    row = connection.execute(_SNAPSHOT).fetchone()
    assert row is not None
    return hidden(row[0], xids)


def running(connection: psycopg.Connection[Any]) -> list[int]:
    """All transactions that a statement which began now would not see, whether or not they write anything."""
    row = connection.execute(_RUNNING).fetchone()
    assert row is not None
    return in_progress(row[0], row[1])


def in_progress(snapshot: str, age: int) -> list[int]:
    """The ids in a snapshot's list, and those from its end to the next one to be given, which are in no list."""
    _, end, listed = snapshot.split(":")
    first, following = int(end) % _XIDS, (3 + age) % _XIDS
    young = [(first + number) % _XIDS for number in range((following - first) % _XIDS)]
    return [*(int(xid) % _XIDS for xid in listed.split(",") if xid), *young]


def hidden(snapshot: str, xids: Sequence[int]) -> list[int]:
    """Those that a snapshot, in PostgreSQL's text ``xmin:xmax:xip,…``, does not show."""
    _, end, listed = snapshot.split(":")
    first_unseen = int(end)
    running = {int(xid) % _XIDS for xid in listed.split(",") if xid}
    return [xid for xid in xids if xid in running or (xid - first_unseen) % _XIDS < _XIDS // 2]
