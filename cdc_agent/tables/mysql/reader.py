"""MySQL's and MariaDB's tables over one connection: questions, snapshots, what errors mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

import pymysql

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql import catalogue, printed
from cdc_agent.engines.mysql.connection import Session, connect, translate
from cdc_agent.engines.mysql.failures import is_disconnect
from cdc_agent.engines.mysql.identifiers import quote_name
from cdc_agent.engines.mysql.log_end import log_end
from cdc_agent.engines.mysql.visible import Received, shows
from cdc_agent.errors import (
    AgentError,
    DatabaseFault,
    NotYetVisible,
    Retryable,
    RowRefused,
    TableChanged,
    TargetSchemaError,
)
from cdc_agent.model.changes import Column, Table, TableName
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.tables.base import LOCK_SECONDS, Description, missing, require_key, require_order
from cdc_agent.tables.mysql.conditions import among, between, key_columns, key_parameters, literal, same
from cdc_agent.tables.mysql.description import described

_A_DAY: Final = 86_400
_KEYS_AT_ONCE: Final = 500
_MAY_NOT_LOCK: Final = frozenset({1142})
"""MySQL before 8.0.22 wants more than SELECT."""
_LOCKED: Final = frozenset({1205, 1213})
"""Lock wait timeout, deadlock."""
_SETTINGS: Final = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION TRANSACTION READ ONLY",
    f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, net_write_timeout = {_A_DAY}, wait_timeout = {_A_DAY}",
)
_NO_LIMIT: Final = {True: "SET SESSION max_statement_time = 0", False: "SET SESSION max_execution_time = 0"}
"""By whether the server is a MariaDB."""
_SNAPSHOT: Final = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
_COLUMNS: Final = (
    "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
)
_DIRECTIONS: Final = (
    "SELECT DISTINCT COLLATION FROM information_schema.STATISTICS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY'"
)


class MysqlTables:
    """`tables.base.TableReader` for MySQL 8.0, MariaDB 10.6 and newer."""

    def __init__(self, database: Database, purpose: str, unavailable: type[Retryable]) -> None:
        """`unavailable` is raised when the server cannot be reached: the source's error or the target's."""
        self._database = database
        self._purpose = purpose
        self._unavailable = unavailable
        self._session: Session | None = None
        self._in_snapshot = False

    # --- what there is

    def describe(self, name: TableName) -> Description:
        words, directions = self._words(name), self._run(_DIRECTIONS, name)
        found = catalogue.describe(self._opened(), *name, unavailable=self._unavailable)
        if found is None:
            raise missing(name)
        return described(found, words, len(directions) > 1, self._opened().server.is_mariadb)

    def position(self) -> BinlogPosition:
        return log_end(self._run, self._opened().server)

    # --- rows

    def by_keys(self, description: Description, keys: Sequence[Row]) -> list[Row]:
        require_key(description)
        rows: list[Row] = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            parameters = [one for key in some for one in key_parameters(description, key)]
            rows += self._rows(description, f"WHERE {among(description, len(some))}", parameters)
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
        """Closed early, it closes the connection: the server would send all that is left."""
        finish = _finisher(description.table.columns)
        query = f"SELECT {', '.join(description.selected)} FROM {description.place}"
        session = self._opened()
        try:
            with closing(session.stream(query)) as rows:
                yield from map(finish, rows)
        except pymysql.MySQLError as error:
            raise self._translated(error, f"reading {description.name}") from error
        finally:
            if not session.open:
                self._session = None

    def reread(self, table: Table, key: Mapping[str, Value], *, visible: bool = False) -> Row | None:
        """A server sends a transaction's log before its storage engine has committed it.

        Where it is not known to be `visible` to others now (`shows`), the row's lock is waited for, and NotYetVisible
        raised after `LOCK_SECONDS`: whoever holds it may be the transaction that the log has told of.
        """
        existing = self._words(table.full_name)
        columns = [column for column in table.columns if column.name in existing]
        if not columns or not set(key) <= set(existing):
            return None
        condition, parameters = same(table, key)
        listed = ", ".join(printed.selected(one.name, one.type, existing[one.name]) for one in columns)
        place = quote_name(*table.full_name)
        query = f"SELECT {literal(listed)} FROM {literal(place)} WHERE {condition} LIMIT 1"
        rows = self._committed(query, parameters, visible)
        if not rows:
            return None
        found = {one.name: printed.canonical(raw, one.type) for one, raw in zip(columns, rows[0], strict=True)}
        return tuple(found.get(column.name, UNSENT) for column in table.columns)

    def shows(self, received: Received) -> bool | None:
        """Whether what is read next shows all of this; None where the server does not tell."""
        return shows(self._run, self._opened().server, received)

    def _committed(self, query: str, parameters: Sequence[object], visible: bool) -> list[tuple[Any, ...]]:
        """MariaDB is asked for the lock in any case, for the sake of XA; who holds it longer came later then."""
        mariadb = self._opened().server.is_mariadb
        if visible and not mariadb:
            return self._run(query, parameters)
        try:
            return self._run(query + (" LOCK IN SHARE MODE" if mariadb else " FOR SHARE"), parameters)
        except AgentError as error:
            number = getattr(error.__cause__, "args", (0,))[0]
            if number in _LOCKED and not visible:
                raise NotYetVisible("a row that is to be read again is locked by another transaction") from error
            if number not in _LOCKED | _MAY_NOT_LOCK:
                raise
            return self._run(query, parameters)

    def _words(self, name: TableName) -> dict[str, str]:
        """Column → the catalogue's word for its type."""
        return {str(column): str(word).lower() for column, word in self._run(_COLUMNS, name)}

    def _rows(self, description: Description, clause: str, parameters: Sequence[object]) -> list[Row]:
        columns = list(zip(description.table.columns, description.selected, strict=True))
        return self._select(description, columns, clause, parameters)

    def _keys(self, description: Description, clause: str, parameters: Sequence[object]) -> list[Row]:
        table = description.table
        columns = [(table.columns[index], description.selected[index]) for index in table.key]
        return self._select(description, columns, clause, parameters)

    def _select(
        self,
        description: Description,
        columns: Sequence[tuple[Column, str]],
        clause: str,
        parameters: Sequence[object],
    ) -> list[Row]:
        listed = ", ".join(expression for _, expression in columns)
        finish = _finisher([column for column, _ in columns])
        query = f"SELECT {literal(listed)} FROM {literal(description.place)} {clause}"
        return [finish(row) for row in self._run(query, parameters, f"reading {description.name}")]

    # --- the connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self._run(_SNAPSHOT)
        self._in_snapshot = True
        try:
            yield
        finally:
            self._in_snapshot = False
            self._end_snapshot()

    def _end_snapshot(self) -> None:
        if self._session is None:
            return
        try:
            self._session.rollback()
        except pymysql.MySQLError:
            self.close()

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None and session.open:
            session.close()

    def _run(self, sql: str, parameters: Sequence[object] = (), doing: str = "reading tables") -> list[tuple[Any, ...]]:
        """The rows of a statement; once more on a new connection when the old one was lost since it was last used."""
        again = self._session is not None and not self._in_snapshot
        try:
            return self._ask(sql, parameters)
        except pymysql.MySQLError as error:
            if not (is_disconnect(error) and again):
                raise self._translated(error, doing) from error
        try:
            return self._ask(sql, parameters)
        except pymysql.MySQLError as error:
            raise self._translated(error, doing) from error

    def _ask(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            with self._opened().cursor() as cursor:
                cursor.execute(sql, tuple(parameters))
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            if is_disconnect(error):
                self.close()
            raise

    def _opened(self) -> Session:
        if self._session is None:
            if self._in_snapshot:
                raise self._unavailable("the connection was lost, and the snapshot with it")
            session = connect(self._database, purpose=self._purpose, unavailable=self._unavailable)
            session.decoders = {}  # values as the server prints them
            for statement in (*_SETTINGS, _NO_LIMIT[session.server.is_mariadb]):
                session.query(statement)
            self._session = session
        return self._session

    def _translated(self, error: pymysql.MySQLError, doing: str) -> AgentError:
        found = translate(error, doing, unavailable=self._unavailable)
        if isinstance(found, TargetSchemaError):
            return TableChanged(found.message)
        return DatabaseFault(found.message) if isinstance(found, RowRefused) else found


def _finisher(columns: Sequence[Column]) -> Callable[[Sequence[Any]], Row]:
    """The function from what the server printed of a row to its canonical text."""
    readers = [printed.reader(column.type) for column in columns]

    def finish(raw: Sequence[Any]) -> Row:
        return tuple([None if value is None else read(value) for value, read in zip(raw, readers, strict=True)])

    return finish
