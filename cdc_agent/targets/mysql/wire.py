"""One session with the target: statements out, counts and rows in, errors translated.

Every statement of the target goes through `Wire`, so that a driver's error never leaves this folder, and so that no
statement is sent which the server would answer by closing the connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pymysql

from cdc_agent.engines.mysql.connection import Session
from cdc_agent.engines.mysql.failures import translate
from cdc_agent.errors import RowRefused

CHUNK_ROWS: Final = 500
"""Rows in one multi-row statement: beyond it MySQL gets slower again."""
CHUNK_BYTES: Final = 1024 * 1024
_PACKET_MARGIN: Final = 1024


class Wire:
    """A session, with the limits that its server sets."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.server = session.server
        with _translated("reading the server's limits"):
            session.query("SELECT @@max_allowed_packet, @@local_infile")
        packet, local = self._rows()[0]
        self.packet = int(packet) - _PACKET_MARGIN
        """Bytes that one statement or one row may have."""
        self.can_load = bool(int(local))
        """Whether the server takes LOAD DATA LOCAL (``local_infile``)."""

    def run(self, statement: bytes | str, doing: str) -> int:
        """Run a statement; returns the rows affected, for an UPDATE those that it matched.

        Raises RowRefused for a statement beyond ``max_allowed_packet``, for which the server would hang up.
        """
        if len(statement) > self.packet and len(_bytes(statement)) > self.packet:
            raise RowRefused(f"{doing}: the row is larger than max_allowed_packet ({self.packet} bytes)")
        with _translated(doing):
            return int(self.session.query(statement) or 0)

    def rows(self, statement: bytes | str, doing: str) -> list[tuple[Any, ...]]:
        self.run(statement, doing)
        return self._rows()

    def execute(self, statement: str, arguments: Sequence[Any], doing: str) -> int:
        """Run a statement with ``%s`` parameters, rendered by the driver."""
        with _translated(doing), self.session.cursor() as cursor:
            return int(cursor.execute(statement, arguments))

    def select(self, statement: str, arguments: Sequence[Any], doing: str) -> list[tuple[Any, ...]]:
        with _translated(doing), self.session.cursor() as cursor:
            cursor.execute(statement, arguments)
            return list(cursor.fetchall())

    def run_chunks(self, head: bytes, tuples: Sequence[bytes], tail: bytes, doing: str) -> int:
        """Run ``head tuple, tuple … tail`` as often as the tuples need; returns the rows affected in all."""
        return sum(self.run(b"%b%b%b" % (head, chunk, tail), doing) for chunk in self._chunks(tuples))

    def load(self, statement: str, data: bytes, doing: str) -> int:
        """LOAD DATA LOCAL from memory; returns the rows that are in the table now.

        LOCAL implies IGNORE: what would be an error is a warning there, and the value is bent to fit. So any warning
        is a refusal. https://dev.mysql.com/doc/refman/8.4/en/load-data.html#load-data-error-handling
        """
        if len(data) > self.packet and max(map(len, data.split(b"\n"))) > self.packet:
            raise RowRefused(f"{doing}: the row is larger than max_allowed_packet ({self.packet} bytes)")
        with _translated(doing):
            loaded = self.session.load(statement, data)
            if not self.session.warning_count:
                return loaded
            warnings = self.session.show_warnings()
        number, text = (warnings[0][1], warnings[0][2]) if warnings else (1105, "")
        refusal = translate(pymysql.DataError(number, text), doing)
        raise refusal if isinstance(refusal, RowRefused) else RowRefused(refusal.message)

    def _chunks(self, tuples: Sequence[bytes]) -> Iterator[bytes]:
        limit = min(CHUNK_BYTES, self.packet // 2)
        chunk: list[bytes] = []
        size = 0
        for item in tuples:
            if chunk and (len(chunk) == CHUNK_ROWS or size + len(item) > limit):
                yield b",".join(chunk)
                chunk, size = [], 0
            chunk.append(item)
            size += len(item) + 1
        if chunk:
            yield b",".join(chunk)

    def _rows(self) -> list[tuple[Any, ...]]:
        result: Any = self.session._result
        return list(result.rows or ())


def _bytes(statement: bytes | str) -> bytes:
    return statement.encode() if isinstance(statement, str) else statement


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except pymysql.MySQLError as error:
        raise translate(error, doing) from error
