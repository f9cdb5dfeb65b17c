"""A PostgreSQL source's errors as the agent's: what each SQLSTATE means when a log is read.

https://www.postgresql.org/docs/current/errcodes-appendix.html. Keeps no text of the server, which may quote values.
"""

from __future__ import annotations

from typing import Final

import psycopg

from cdc_agent.engines.postgres import connection
from cdc_agent.errors import (
    AgentError,
    DatabaseFault,
    LogGone,
    LogUnusable,
    PrivilegeMissing,
    Retryable,
    SlotInUse,
    SourceUnavailable,
)

_BY_STATE: Final[dict[str, type[AgentError]]] = {
    "42501": PrivilegeMissing,
    "42704": LogUnusable,  # the publication or slot does not exist, at this place of the log
    "42809": LogUnusable,  # the table is of a kind that cannot be published
    "22023": LogUnusable,
    "53400": LogUnusable,  # max_replication_slots
    "55000": LogUnusable,  # wal_level, or a slot that cannot be read any more
    "55006": SlotInUse,
    "58P01": LogGone,  # requested WAL segment has already been removed
}


def translate(error: psycopg.Error, doing: str) -> AgentError:
    """The agent's error for what the source's server or the connection to it reported while `doing`."""
    kind = _BY_STATE.get(error.sqlstate or "")
    if kind is not None:
        return kind(f"{doing}: SQLSTATE {error.sqlstate}")
    general = connection.translate(error, doing, unavailable=SourceUnavailable)
    if isinstance(general, SourceUnavailable | PrivilegeMissing):
        return general
    kind = SourceUnavailable if isinstance(general, Retryable) else DatabaseFault
    return kind(general.message, details=general.details)
