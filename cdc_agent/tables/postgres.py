"""Tables of PostgreSQL read without their log: keys in, rows in the text that pgoutput sends out.

Values come as the output functions print them, and not through a cast, which differs for inet, bool and others. Keys
are compared by the operators of the key's own index, since the session's search path holds pg_catalog alone. Generated
columns are left out, as pgoutput leaves them out.

https://www.postgresql.org/docs/current/indexes-ordering.html
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.generators import fetch, send

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres import catalogue, connection
from cdc_agent.engines.postgres.identifiers import qualified, quote
from cdc_agent.engines.postgres.log_end import log_end
from cdc_agent.engines.postgres.texts import canonical, needs_trimming
from cdc_agent.errors import AgentError, DatabaseFault, Retryable, RowRefused, TableChanged, TargetSchemaError
from cdc_agent.model.changes import Column, Table, TableName
from cdc_agent.model.positions import Lsn
from cdc_agent.model.values import UNSENT, Row, Value
from cdc_agent.tables.base import Description, logged, missing, require_key, require_order, sent

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
_KIND: Final = "SELECT relkind::text FROM pg_class WHERE oid = %s"
_NOW: Final = """
SELECT c.relkind::text, array(SELECT a.attname::text FROM pg_attribute a
                               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""
_KEY: Final = """
SELECT i.indexrelid, a.attname, (i.indoption[k.place - 1] & 1) = 1,
       c.opcdefault AND i.indcollation[k.place - 1] = a.attcollation, n.nspname
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid
CROSS JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
JOIN pg_opclass AS c ON c.oid = i.indclass[k.place - 1]
LEFT JOIN pg_amop AS o ON o.amopfamily = c.opcfamily AND o.amoplefttype = c.opcintype
      AND o.amoprighttype = c.opcintype AND o.amopstrategy = 5 AND c.opcmethod = 403
LEFT JOIN pg_operator AS p ON p.oid = o.amopopr
LEFT JOIN pg_namespace AS n ON n.oid = p.oprnamespace
WHERE i.indrelid = %s AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND (i.indisprimary OR t.relreplident = 'i' AND i.indisreplident)
ORDER BY t.relreplident = 'i' AND i.indisreplident DESC, i.indexrelid, k.place
"""
"""The index by which the log knows rows: its columns, whether each descends, whether it is ordered as its column is,
and the schema of its operators. 403 is the B-tree, and 5 its ``>``."""

_WITHOUT_EQUALITY: Final = frozenset({"json", "xml", "point", "box", "circle", "line", "lseg", "path", "polygon"})
"""Types whose ``=`` does not exist or does not mean sameness; they only get here as part of a keyless table's row."""


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
        found = self._ask(lambda c: _describe(c, name), f"describing {'.'.join(name)}")
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
            condition = _among(description, len(some))
            rows += self._rows(description, f"WHERE {condition}", [value for key in some for value in key])
        return rows

    def range(self, description: Description, after: Row | None, upto: Row | None, limit: int) -> list[Row]:
        require_order(description)
        clause, parameters = _between(description, after, upto)
        return self._rows(description, f"{clause} ORDER BY {_key(description)} LIMIT {limit:d}", parameters)

    def bounds(self, description: Description) -> tuple[Row, Row] | None:
        require_order(description)
        first = self._keys(description, f"ORDER BY {_key(description)} LIMIT 1", ())
        last = self._keys(description, f"ORDER BY {_key(description, ' DESC')} LIMIT 1", ())
        return (first[0], last[0]) if first and last else None

    def key_after(self, description: Description, key: Row | None, count: int) -> Row | None:
        require_order(description)
        clause, parameters = _between(description, key, None)
        ordered = f"{clause} ORDER BY {_key(description)} LIMIT 1 OFFSET {count - 1:d}"
        return next(iter(self._keys(description, ordered, parameters)), None)

    def whole(self, description: Description) -> Iterator[Row]:
        query = f"SELECT {', '.join(description.selected)} FROM {description.place}"
        finish = _finisher(description.table.columns)
        doing = f"reading {description.name}"
        try:
            with closing(_one_by_one(self._opened(), query)) as results:
                for result in results:
                    yield from finish(result)
        except psycopg.Error as error:
            raise self._translated(error, doing) from error

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """PostgreSQL shows a row to others before its log is sent, but for synchronous replication's wait."""
        doing = f"reading a row of {'.'.join(table.full_name)} again"
        return self._ask(lambda c: _reread(c, table, key), doing)

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
        finish = _finisher([column for column, _ in columns])
        texts = [sent(value) for value in parameters]
        return self._ask(lambda c: finish(_execute(c, query, texts)), f"reading {description.name}")

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


# --- describing --------------------------------------------------------------------------------------------------


def _describe(opened: psycopg.Connection[Any], name: TableName) -> Description | None:
    found = catalogue.describe(opened, *name)
    oid = catalogue.find(opened, *name)
    if found is None or oid is None:
        return None
    columns = [Column(one.name, one.type, one.nullable) for one in found.columns if not one.generated]
    parts = _key_parts(opened, oid, {column.name for column in columns})
    table = logged(name, columns, [part[1] for part in parts])
    partitioned = opened.execute(_KIND, (oid,)).fetchone() == ("p",)
    return Description(
        catalogue=found,
        table=table,
        place=("" if partitioned else "ONLY ") + qualified(*name),
        selected=tuple(quote(column.name) for column in columns),
        operators=tuple(quote(part[4] or "pg_catalog") for part in parts),
        unordered=_unordered(parts),
    )


def _key_parts(opened: psycopg.Connection[Any], oid: int, logged_columns: Set[str]) -> list[tuple[Any, ...]]:
    """The columns of the key, or none where one of them is generated and so not in the log."""
    found = opened.execute(_KEY, (oid,)).fetchall()
    parts = [part for part in found if part[0] == found[0][0]]
    return parts if {part[1] for part in parts} <= logged_columns else []


def _unordered(parts: Sequence[tuple[Any, ...]]) -> str:
    if not parts:
        return "it has no key"
    if any(schema is None or not plain for *_, plain, schema in parts):
        return "its key's index has another order than its columns"
    if len({descends for _, _, descends, *_ in parts}) > 1:
        return "the columns of its key run in different directions"
    return ""


# --- conditions --------------------------------------------------------------------------------------------------


def _key(description: Description, direction: str = "") -> str:
    return ", ".join(description.selected[index] + direction for index in description.table.key)


def _among(description: Description, count: int) -> str:
    """Whether the key is one of so many, as parameters one after the other."""
    width = len(description.table.key)
    groups = [range(1 + width * at, 1 + width * (at + 1)) for at in range(count)]
    if set(description.operators) == {quote("pg_catalog")}:
        listed = ", ".join(f"({', '.join(f'${number}' for number in group)})" for group in groups)
        return f"({_key(description)}) IN ({listed})"
    return " OR ".join(f"({_equal(description, group)})" for group in groups)


def _equal(description: Description, numbers: Sequence[int]) -> str:
    parts = zip(description.table.key, description.operators, numbers, strict=True)
    return " AND ".join(
        f"{description.selected[index]} OPERATOR({schema}.=) ${number}" for index, schema, number in parts
    )


def _between(description: Description, after: Row | None, upto: Row | None) -> tuple[str, list[Value]]:
    """The WHERE clause of a range, and its parameters."""
    conditions: list[str] = []
    parameters: list[Value] = []
    for sign, last, bound in ((">", ">", after), ("<", "<=", upto)):
        if bound is not None:
            conditions.append(_beyond(description, sign, last, len(parameters) + 1))
            parameters += bound
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), parameters


def _beyond(description: Description, sign: str, last: str, first: int) -> str:
    """Compared as rows; operators of different schemas are compared column by column."""
    key, schemas = description.table.key, description.operators
    numbers = range(first, first + len(key))
    if len(set(schemas)) == 1:
        bound = ", ".join(f"${number}" for number in numbers)
        return f"({_key(description)}) OPERATOR({schemas[0]}.{last}) ({bound})"
    parts = [
        (description.selected[index], schema, number)
        for index, schema, number in zip(key, schemas, numbers, strict=True)
    ]
    column, schema, number = parts[-1]
    condition = f"{column} OPERATOR({schema}.{last}) ${number}"
    for column, schema, number in reversed(parts[:-1]):
        equal = f"{column} OPERATOR({schema}.=) ${number}"
        condition = f"{column} OPERATOR({schema}.{sign}) ${number} OR {equal} AND ({condition})"
    return f"({condition})"


# --- results -----------------------------------------------------------------------------------------------------

_Finish = Callable[[pq.abc.PGresult], list[Row]]


def _finisher(columns: Sequence[Column]) -> _Finish:
    """The function from a result to rows of these columns."""
    types = [column.type for column in columns]

    def plain(result: pq.abc.PGresult) -> list[Row]:
        get, fields = result.get_value, range(result.nfields)
        return [tuple([get(row, field) for field in fields]) for row in range(result.ntuples)]

    if not any(map(needs_trimming, types)):
        return plain
    return lambda result: [tuple(map(canonical, row, types)) for row in plain(result)]


def _execute(opened: psycopg.Connection[Any], query: str, parameters: Sequence[bytes | None]) -> pq.abc.PGresult:
    """Run one statement; its result is held in memory. Raises psycopg.Error as it comes."""
    result = opened.pgconn.exec_params(query.encode(), parameters)
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(result)
    return result


def _one_by_one(opened: psycopg.Connection[Any], query: str) -> Generator[pq.abc.PGresult]:
    """A result for each row, in libpq's single-row mode; when closed early, the statement is cancelled.

    https://www.postgresql.org/docs/current/libpq-single-row-mode.html
    """
    pgconn = opened.pgconn
    pgconn.send_query_params(query.encode(), None)
    pgconn.set_single_row_mode()
    opened.wait(send(pgconn))
    try:
        while (result := opened.wait(fetch(pgconn))) is not None:
            if result.status == pq.ExecStatus.SINGLE_TUPLE:
                yield result
            elif result.status != pq.ExecStatus.TUPLES_OK:
                raise error_from_result(result)
    finally:
        if pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            _end(opened)


def _end(opened: psycopg.Connection[Any]) -> None:
    opened.cancel_safe()
    while opened.wait(fetch(opened.pgconn)) is not None:
        pass


# --- one row of a logged table version ---------------------------------------------------------------------------


def _reread(opened: psycopg.Connection[Any], table: Table, key: Mapping[str, Value]) -> Row | None:
    found = opened.execute(_NOW, table.full_name).fetchone()
    if found is None:
        return None
    kind, existing = found
    names = [column.name for column in table.columns if column.name in existing]
    if not names or not set(key) <= set(existing):
        return None
    condition, parameters = _condition(table, key)
    listed = ", ".join(quote(name) for name in names)
    only = "" if kind == "p" else "ONLY "
    query = f"SELECT {listed} FROM {only}{qualified(*table.full_name)} WHERE {condition} LIMIT 1"
    result = _execute(opened, query, parameters)
    if result.ntuples == 0:
        return None
    values = {name: result.get_value(0, index) for index, name in enumerate(names)}
    return tuple(canonical(values.get(column.name, UNSENT), column.type) for column in table.columns)


def _condition(table: Table, key: Mapping[str, Value]) -> tuple[str, list[bytes]]:
    types = {column.name: column.type.native for column in table.columns}
    conditions, parameters = [], []
    for name, value in key.items():
        text = sent(value)
        if text is None:
            conditions.append(f"{quote(name)} IS NULL")
            continue
        parameters.append(text)
        cast = "::text" if types.get(name) in _WITHOUT_EQUALITY else ""
        conditions.append(f"{quote(name)}{cast} = ${len(parameters)}")
    return " AND ".join(conditions) or "false", parameters
