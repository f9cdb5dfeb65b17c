"""Statements that travel together: queued one by one, sent in one round trip, their results read afterwards.

Built on libpq's pipeline mode: https://www.postgresql.org/docs/current/libpq-pipeline-mode.html. The first error ends
a flight; what was queued behind it was not executed. Raises `errors` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper

from cdc_agent.engines.postgres.connection import translate
from cdc_agent.errors import AgentError
from cdc_agent.targets.postgres.encoding import nul_refused


class CanonicalDumper(Dumper):
    """Bytes are canonical text already: sent as they are, with the type that the statement gives the parameter."""

    format = pq.Format.TEXT
    oid = 0

    def dump(self, obj: Any) -> Buffer | None:
        # libpq takes text parameters as C strings: what follows a NUL would be lost without an error.
        if 0 in obj:
            raise psycopg.DataError("NUL byte")
        return bytes(obj)


@dataclass(slots=True, eq=False)
class Queued:
    """A statement on its way. Its results may be read once the flight has landed."""

    statement: bytes
    parameters: Sequence[bytes | None]
    doing: str
    prepare: bool
    check: Callable[[Queued], None] | None = None
    """Called after landing, and before an error of a later statement is raised; may raise in its place."""
    cursor: psycopg.RawCursor[Any] | None = None

    @property
    def count(self) -> int:
        """Rows affected."""
        return -1 if self.cursor is None else self.cursor.rowcount

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [] if self.cursor is None else self.cursor.fetchall()

    @property
    def tag(self) -> str:
        """The server's word for what it did: ``COMMIT``, ``UPDATE 3``."""
        return "" if self.cursor is None else self.cursor.statusmessage or ""

    @property
    def landed(self) -> bool:
        """Whether the server executed it without an error."""
        return self.cursor is not None and self.cursor.statusmessage is not None


class Flight:
    """The queue of one connection. Not thread-safe; the connection is in autocommit mode, BEGIN is a statement."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._queue: list[Queued] = []
        connection.adapters.register_dumper(bytes, CanonicalDumper)

    def add(
        self,
        statement: bytes,
        parameters: Sequence[bytes | None] = (),
        *,
        doing: str,
        prepare: bool = True,
        check: Callable[[Queued], None] | None = None,
    ) -> Queued:
        """Queue a statement with ``$1`` parameters; `doing` says in words what fails when it fails."""
        queued = Queued(statement, parameters, doing, prepare, check)
        self._queue.append(queued)
        return queued

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def unchecked(self) -> bool:
        """Whether a statement is queued whose outcome decides about the rest."""
        return any(queued.check is not None for queued in self._queue)

    def clear(self) -> None:
        """Forget what is queued."""
        self._queue = []

    def land(self) -> None:
        """Send everything queued and read the results. Raises the first error, translated."""
        queue, self._queue = self._queue, []
        if not queue:
            return
        error = self._send(queue)
        for queued in queue:
            if queued.check is not None and queued.landed:
                queued.check(queued)
        if error is not None:
            failed = next((queued for queued in queue if not queued.landed), queue[-1])
            raise _translated(error, failed.doing) from error

    def _send(self, queue: Sequence[Queued]) -> psycopg.Error | None:
        """The first error is returned, so that psycopg does not log what follows from it."""
        first: psycopg.Error | None = None
        try:
            with self.connection.pipeline():
                try:
                    self._execute(queue)
                except psycopg.Error as error:
                    first = error
        except psycopg.Error as error:
            first = first or error
        return first

    def _execute(self, queue: Sequence[Queued]) -> None:
        for queued in queue:
            cursor = psycopg.RawCursor(self.connection)
            queued.cursor = cursor
            cursor.execute(queued.statement, queued.parameters or None, prepare=queued.prepare)

    def copy(self, statement: bytes, chunks: Iterable[bytes], *, doing: str) -> None:
        """Send a COPY … FROM STDIN with its data, after everything queued before it.

        What `chunks` raises is raised here, and leaves the transaction as a refused statement does.
        """
        self.land()
        try:
            with psycopg.RawCursor(self.connection).copy(statement) as copy:
                for chunk in chunks:
                    copy.write(chunk)
        except psycopg.Error as error:
            raise _translated(error, doing) from error

    def alone(self, statement: bytes, *, doing: str) -> None:
        """Execute a statement by itself, after everything queued before it.

        For what makes psycopg drop its prepared statements (ROLLBACK, DEALLOCATE): inside a pipeline it would drop
        them on the server only after it has begun to prepare new ones.
        """
        self.land()
        try:
            psycopg.RawCursor(self.connection).execute(statement, prepare=False)
        except psycopg.Error as error:
            raise _translated(error, doing) from error

    def run(self, statement: bytes, parameters: Sequence[bytes | None] = (), *, doing: str) -> Queued:
        """Execute one statement now, after everything queued before it."""
        queued = self.add(statement, parameters, doing=doing, prepare=False)
        self.land()
        return queued


def _translated(error: psycopg.Error, doing: str) -> AgentError:
    if error.sqlstate is None and isinstance(error, psycopg.DataError):
        return nul_refused(doing)
    return translate(error, doing)
