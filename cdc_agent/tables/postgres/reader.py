"""PostgreSQL's tables over one connection: the order in which questions are asked, snapshots, and what errors mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, TypeVar

import psycopg

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres import connection
from cdc_agent.engines.postgres.log_end import log_end
from cdc_agent.engines.postgres.visible import running, unseen
from cdc_agent.errors import AgentError, DatabaseFault, Retryable, RowRefused, TableChanged, TargetSchemaError
from cdc_agent.model.changes import Column, Table, TableName
from cdc_agent.model.positions import Lsn
from cdc_agent.model.values import Row, Value
from cdc_agent.tables.base import Description, missing, require_key, require_order, sent
from cdc_agent.tables.postgres.conditions import among, between, key_columns
from cdc_agent.tables.postgres.description import describe
from cdc_agent.tables.postgres.results import execute, finisher, one_by_one
from cdc_agent.tables.postgres.single import reread

Answer = TypeVar("Answer")

_KEYS_AT_ONCE: Final = 500
_SETTINGS: Final = {
    "default_transaction_read_only": "on",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
_NO_LIMIT: Final = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'"
"""From PostgreSQL 17 on."""
_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTables:
    """`tables.base.TableReader` for PostgreSQL 14 and newer."""

    def __init__(self, database: Database, purpose: str, unavailable: type[Retryable]) -> None:
        """`unavailable` is raised when the server cannot be reached: the source's error or the target's."""
        self._database = database
        self._purpose = purpose
        self._unavailable = unavailable
        self._connection: psycopg.Connection[Any] | None = None
        self._in_snapshot = False

    # --- what there is

    def describe(self, name: TableName) -> Description:
        found = self._ask(lambda c: describe(c, name), f"describing {'.'.join(name)}")
        if found is None:
            raise missing(name)
        return found

    def position(self) -> Lsn:
        return self._ask(log_end, "asking for the end of the log")

    # --- rows

    def by_keys(self, description: Description, keys: Sequence[Row]) -> list[Row]:
        require_key(description)
        rows: list[Row] = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            condition = among(description, len(some))
            rows += self._rows(description, f"WHERE {condition}", [value for key in some for value in key])
        return rows

    def range(self, description: Description, after: Row | None, upto: Row | None, limit: int) -> list[Row]:
        require_order(description)
        clause, parameters = between(description, after, upto)
        return self._rows(description, f"{clause} ORDER BY {key_columns(description)} LIMIT {limit:d}", parameters)

    def bounds(self, description: Description) -> tuple[Row, Row] | None:
        require_order(description)
        first = self._keys(description, f"ORDER BY {key_columns(description)} LIMIT 1", ())
        last = self._keys(description, f"ORDER BY {key_columns(description, ' DESC')} LIMIT 1", ())
        return (first[0], last[0]) if first and last else None

    def key_after(self, description: Description, key: Row | None, count: int) -> Row | None:
        require_order(description)
        clause, parameters = between(description, key, None)
        ordered = f"{clause} ORDER BY {key_columns(description)} LIMIT 1 OFFSET {count - 1:d}"
        return next(iter(self._keys(description, ordered, parameters)), None)

    def whole(self, description: Description) -> Iterator[Row]:
        query = f"SELECT {', '.join(description.selected)} FROM {description.place}"
        finish = finisher(description.table.columns)
        doing = f"reading {description.name}"
        try:
            with closing(one_by_one(self._opened(), query)) as results:
                for result in results:
                    yield from finish(result)
        except psycopg.Error as error:
            raise self._translated(error, doing) from error

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """What the log has told of it is there once its transaction is none of the `unseen`."""
        doing = f"reading a row of {'.'.join(table.full_name)} again"
        return self._ask(lambda c: reread(c, table, key), doing)

    def unseen(self, xids: Sequence[int]) -> list[int]:
        """Those of these transactions, by their 32-bit ids, that what is read next may not show yet."""
        return self._ask(lambda c: unseen(c, xids), "asking for running transactions")

    def running(self) -> list[int]:
        """The transactions, by their 32-bit ids, that what is read next may not show, whosever they are."""
        return self._ask(running, "asking for running transactions")

    def _rows(self, description: Description, clause: str, parameters: Sequence[Value]) -> list[Row]:
        columns = list(zip(description.table.columns, description.selected, strict=True))
        return self._select(description, columns, clause, parameters)

    def _keys(self, description: Description, clause: str, parameters: Sequence[Value]) -> list[Row]:
        table = description.table
        columns = [(table.columns[index], description.selected[index]) for index in table.key]
        return self._select(description, columns, clause, parameters)

    def _select(
        self,
        description: Description,
        columns: Sequence[tuple[Column, str]],
        clause: str,
        parameters: Sequence[Value],
    ) -> list[Row]:
        listed = ", ".join(expression for _, expression in columns)
        query = f"SELECT {listed} FROM {description.place} {clause}"
        finish = finisher([column for column, _ in columns])
        texts = [sent(value) for value in parameters]
        return self._ask(lambda c: finish(execute(c, query, texts)), f"reading {description.name}")

    # --- the connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._ask(_begin, "beginning a snapshot")
        self._in_snapshot = True
        try:
            yield
        finally:
            self._in_snapshot = False
            self._end_snapshot()

    def _end_snapshot(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        opened, self._connection = self._connection, None
        if opened is not None:
            opened.close()

    def _ask(self, question: Callable[[psycopg.Connection[Any]], Answer], doing: str) -> Answer:
        """Once more on a new connection when the old one was lost since it was last used."""
        again = self._connection is not None and not self._in_snapshot
        try:
            return question(self._opened())
        except psycopg.Error as error:
            if not (self._lost(error) and again):
                raise self._translated(error, doing) from error
            self.close()
        try:
            return question(self._opened())
        except psycopg.Error as error:
            raise self._translated(error, doing) from error

    def _opened(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            if self._in_snapshot:
                raise self._unavailable("the connection was lost, and the snapshot with it")
            self._connection = connection.connect(
                self._database, purpose=self._purpose, unavailable=self._unavailable, settings=_SETTINGS
            )
            self._connection.execute(_NO_LIMIT)
        return self._connection

    def _lost(self, error: psycopg.Error) -> bool:
        return connection.lost(error, self._connection)

    def _translated(self, error: psycopg.Error, doing: str) -> AgentError:
        if self._lost(error):
            self.close()
            return self._unavailable(f"{doing}: the connection was lost")
        found = connection.translate(error, doing, unavailable=self._unavailable)
        if isinstance(found, TargetSchemaError):
            return TableChanged(found.message, details=found.details)
        return DatabaseFault(found.message, details=found.details) if isinstance(found, RowRefused) else found


def _begin(opened: psycopg.Connection[Any]) -> None:
    """The first statement that looks at something takes the snapshot."""
    opened.execute(_SNAPSHOT)
    opened.execute("SELECT pg_current_snapshot()")
