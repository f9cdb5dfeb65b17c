"""Where PostgreSQL's log ends at this moment, as its readers can see it. A connection in, an LSN out."""

from __future__ import annotations

import time
from typing import Any, Final

import psycopg

from cdc_agent.model.positions import Lsn, parse_lsn

_LOG_END: Final = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END::text
"""
_PAGE_HEADER: Final = 40
"""On an empty page the place for the next WAL record lies behind a header of at most so many bytes."""
_FLUSH_SECONDS: Final = 1.0
"""Commits under synchronous_commit = off reach the disk, and so the log's readers, by then."""
_FLUSH_POLL_SECONDS: Final = 0.02


def log_end(connection: psycopg.Connection[Any]) -> Lsn:
    """The flushed end of the log, once it holds what was inserted before the question."""
    inserted, flushed = _ask(connection)
    deadline = time.monotonic() + _FLUSH_SECONDS
    while flushed.value + _PAGE_HEADER < inserted.value and time.monotonic() < deadline:
        time.sleep(_FLUSH_POLL_SECONDS)
        _, flushed = _ask(connection)
    return flushed


def _ask(connection: psycopg.Connection[Any]) -> tuple[Lsn, Lsn]:
    row = connection.execute(_LOG_END.encode()).fetchone()
    assert row is not None
    return parse_lsn(row[0]), parse_lsn(row[1])
