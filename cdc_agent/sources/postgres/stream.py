"""The replication connection: frames of the slot's stream in, status updates out.

Knows the frames of the streaming replication protocol and nothing of what they carry. Tells the server only of
acknowledged positions as flushed; says that it is alive while nothing else happens, also while its reader waits.

https://www.postgresql.org/docs/current/protocol-replication.html
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.errors import LogUnusable, SourceUnavailable
from cdc_agent.model.positions import Lsn
from cdc_agent.sources.postgres.faults import translate
from cdc_agent.sources.postgres.pgoutput import POSTGRES_EPOCH
from cdc_agent.sources.postgres.slot import connect_replication

XLOG_DATA: Final = ord("w")
KEEPALIVE: Final = ord("k")
HEADER: Final = 25
"""Bytes before the message of an XLogData frame: letter, start, end of WAL, clock."""

TICK_SECONDS: Final = 0.1
"""How long an acknowledgement or a stop may go unnoticed on a silent connection."""
_STATUS_SECONDS: Final = 1.0
_REPORT_SECONDS: Final = 0.05
"""At most so often for acknowledgements alone."""
_PING_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 120.0
"""A server that sends nothing for so long, not even an answer, is taken for dead."""

_STATUS: Final = Struct(">cQQQqB")
_KEEPALIVE: Final = Struct(">QqB")


Check: TypeAlias = Callable[[psycopg.Connection[Any]], None]
"""Asks the connection that will stream; raises what reading from its server should raise."""


class ReplicationStream:
    """One START_REPLICATION. Used by the reader thread; only `acknowledged` is set from another."""

    def __init__(
        self, database: Database, *, purpose: str, slot: str, publication: str, position: Lsn, check: Check
    ) -> None:
        """Start streaming behind `position` from a server that `check` agrees with. Raises as `faults.translate`."""
        self.received = position.value
        """How far the stream was read."""
        self.acknowledged = position.value
        """How far the target holds it: what the server may release."""
        self.fault: LogUnusable | None = None
        """What the server warned of in mid-stream, if that means that changes are left out."""
        self.asked = False
        """Whether an answer is on its way that says how far the server has read its log."""
        self._reported = 0
        self._reported_at = 0.0
        self._pinged_at = 0.0
        self._heard_at = time.monotonic()
        self._connection = connect_replication(database, purpose)
        try:
            check(self._connection)
            self._pgconn = self._start(slot, publication, position)
        except BaseException:
            self._connection.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)

    def _start(self, slot: str, publication: str, position: Lsn) -> pq.abc.PGconn:
        self._connection.add_notice_handler(self._notice)
        pgconn = self._connection.pgconn
        result = pgconn.exec_(start_command(slot, publication, position).encode())
        if result.status != pq.ExecStatus.COPY_BOTH:
            error = error_from_result(result)
            raise translate(error, f"starting to read replication slot {slot}") from error
        pgconn.nonblocking = 1
        return pgconn

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        """PostgreSQL 18 only warns of a publication that is missing, and then leaves its changes out."""
        if diagnostic.source_function == "LoadPublications":
            self.fault = LogUnusable(
                "the publication did not exist yet, or no longer, at this place of the log",
                hint="run teardown and setup for this pipeline, then copy its rows again",
            )

    # --- receiving

    @property
    def next_frame(self) -> Callable[[int], tuple[int, Any]]:
        """`get_copy_data` itself, for the hot loop: call with 1; (0, …) nothing there yet, (-1, …) see `ended`."""
        return self._pgconn.get_copy_data

    def wait(self) -> bool:
        """Wait up to a tick for more of the stream; False when nothing came."""
        if not self._poll.poll(TICK_SECONDS * 1000):
            return False
        self.heard()
        return True

    def fetch(self) -> None:
        """Take in what has arrived, without waiting. Raises SourceUnavailable.

        Under TLS that is a single message at a time, so it is worth trying before a wait.
        """
        try:
            self._pgconn.consume_input()
        except psycopg.Error as error:
            raise translate(error, "reading the replication stream") from error

    def ended(self) -> SourceUnavailable:
        """The error to raise after (-1, …), where the server gave none of its own; that one is raised here."""
        try:
            result = self._pgconn.get_result()
        except psycopg.Error as error:
            raise translate(error, "reading the replication stream") from error
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            reported = error_from_result(result)
            raise translate(reported, "reading the replication stream") from reported
        return SourceUnavailable("the server ended the replication stream")

    # --- reporting

    def tick(self) -> None:
        """Called often: sends what is due. Raises SourceUnavailable when the server has been silent for too long."""
        now = time.monotonic()
        silent = now - self._heard_at
        if silent > _SILENCE_SECONDS:
            raise SourceUnavailable(f"the server has sent nothing for {silent:.0f} seconds")
        if silent > _PING_SECONDS and now - self._pinged_at > _PING_SECONDS:
            self.ping()
        since = now - self._reported_at
        if since > _STATUS_SECONDS or (self.acknowledged != self._reported and since > _REPORT_SECONDS):
            self.report()

    def heard(self) -> None:
        """The server is there, or the silence is ours, because the reader could not listen."""
        self._heard_at = time.monotonic()

    def ping(self) -> None:
        """Report, and ask for an answer, at most once a tick."""
        if time.monotonic() - self._pinged_at < TICK_SECONDS:
            return
        self.asked = True
        self._pinged_at = time.monotonic()
        self.report(answer=True)

    def report(self, *, answer: bool = False) -> None:
        """Send a status update. Raises SourceUnavailable."""
        acknowledged = self.acknowledged
        clock = int((time.time() - POSTGRES_EPOCH) * 1_000_000)
        written = max(self.received, acknowledged)
        message = _STATUS.pack(b"r", written, acknowledged, acknowledged, clock, answer)
        try:
            self._pgconn.put_copy_data(message)
            self._pgconn.flush()
        except psycopg.Error as error:
            raise translate(error, "reporting to the replication stream") from error
        self._reported = acknowledged
        self._reported_at = time.monotonic()

    def close(self) -> None:
        """Close the connection, which frees the slot. Safe to call twice."""
        self._connection.close()


def parse_keepalive(frame: memoryview) -> tuple[int, bool]:
    """(how far the server has read its log, whether it wants an answer at once)."""
    log_end, _, answer = _KEEPALIVE.unpack_from(frame, 1)
    return log_end, bool(answer)


def start_command(slot: str, publication: str, position: Lsn) -> str:
    """START_REPLICATION for pgoutput's first protocol version: whole transactions, as text, from every origin."""
    options = {"proto_version": "1", "publication_names": quote(publication), "messages": "true"}
    listed = ", ".join(f"{name} {_literal(value)}" for name, value in options.items())
    return f"START_REPLICATION SLOT {quote(slot)} LOGICAL {position.text} ({listed})"


def _literal(text: str) -> str:
    """The replication grammar's string: it knows no escapes but the doubled quote."""
    if "\0" in text:
        raise ValueError("a string must not contain NUL in PostgreSQL")
    return "'" + text.replace("'", "''") + "'"
