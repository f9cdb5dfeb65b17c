"""The rows that a table held before it was published, as messages like those of the log.

In: a table's name. Out: the table as it is now, and an insert for each of its rows. They are read when the log tells
that the table was added, so that what the log holds behind that place is as new or newer. Never in memory all at once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from struct import Struct
from typing import Final

from cdc_agent.config.model import Database
from cdc_agent.errors import SourceUnavailable, TableMissing
from cdc_agent.model.changes import INSERT, Change, Table, TableEvent, TableName
from cdc_agent.model.values import Row
from cdc_agent.sources.assemble import Assembler
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.sources.postgres.pgoutput import Insert, parse
from cdc_agent.sources.postgres.relations import EXPECTED, Relations
from cdc_agent.tables.postgres import PostgresTables

_HEAD: Final = Struct(">cIcH")
_LENGTH: Final = Struct(">cI")
_KEEPALIVE_SECONDS: Final = 1.0


class Copies:
    """Over a connection of its own, open for as long as rows are read."""

    def __init__(self, database: Database, purpose: str) -> None:
        self._tables = PostgresTables(database, purpose, SourceUnavailable)

    def of(self, name: TableName) -> tuple[Table, Iterator[bytes]]:
        """Raises TableMissing for one that is gone, PrivilegeMissing."""
        description = self._tables.describe(name)
        table = replace(description.table, decode=inserted)
        return table, (_message(row) for row in self._tables.whole(description))

    def close(self) -> None:
        """Safe to call twice."""
        self._tables.close()


class Published:
    """Takes the messages that say that a table was added to the publication. Reader thread only."""

    def __init__(
        self,
        slot: str,
        wanted: Callable[[TableName], bool],
        settle: Callable[[], None],
        copies: Copies,
        relations: Relations,
        assembler: Assembler,
        keepalive: Callable[[], None],
    ) -> None:
        """`settle` returns when others see what the log has told; `keepalive` says that we are alive meanwhile."""
        self._slot = slot
        self._wanted = wanted
        self._settle = settle
        self._copies = copies
        self._relations = relations
        self._assembler = assembler
        self._keepalive = keepalive

    def take(self, content: bytes) -> None:
        """Hand over the event, and the rows that the table has."""
        found = publications.read_addition(content, self._slot)
        if found is None or not self._wanted(found[0]):
            return
        name, kind = found
        self._assembler.happened(TableEvent(kind, name))
        self._relations.known[name] = EXPECTED
        self._settle()
        with contextlib.closing(self._copies), contextlib.suppress(TableMissing):
            self._copy(name)

    def _copy(self, name: TableName) -> None:
        table, messages = self._copies.of(name)
        told = time.monotonic()
        for message in messages:
            self._assembler.rows(table, message)
            if time.monotonic() - told > _KEEPALIVE_SECONDS:
                self._keepalive()
                told = time.monotonic()


def _message(row: Row) -> bytes:
    parts = [_HEAD.pack(b"I", 0, b"N", len(row))]
    for value in row:
        if isinstance(value, bytes):
            parts += (_LENGTH.pack(b"t", len(value)), value)
        else:
            parts.append(b"n")
    return b"".join(parts)


def inserted(messages: Sequence[bytes]) -> list[Change]:
    """The changes of such messages; their values are canonical text already."""
    changes: list[Change] = []
    for message in messages:
        found = parse(message)
        assert isinstance(found, Insert), "only inserts are made here"
        changes.append((INSERT, None, found.new))
    return changes
