"""The seam at which tables are read without a log, on a source or a target.

In: a table's name, then keys and ranges of keys. Out: a description, and rows in the canonical text that the table's
log would give for the same values, byte for byte. The database orders and compares keys, by its own collations; nothing
here compares two of them. Never writes, and never decides what a row that differs means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from cdc_agent.errors import DecodeError, NoKeyOrder, TableMissing
from cdc_agent.model.changes import Change, Column, Identity, Table, TableName
from cdc_agent.model.positions import Position
from cdc_agent.model.tables import TargetTable
from cdc_agent.model.values import Row, Value

LOCK_SECONDS: Final = 15
"""How long a row that is read again may be locked by the transaction that wrote it."""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """A table as it is now, and what its engine's reader needs to ask for its rows."""

    catalogue: TargetTable
    """Every column, the keys and foreign keys as the catalogue has them."""
    table: Table
    """The table as its log would describe it: what the log leaves out is not there, and types are the log's."""
    place: str
    """SQL: what stands behind FROM."""
    selected: tuple[str, ...]
    """SQL: what to select for each column of `table`."""
    operators: tuple[str, ...] = ()
    """SQL: the schema of the operators that compare each column of the key, where they have one."""
    unordered: str = ""
    """Why ranges of the key cannot be read; '' when they can."""

    @property
    def name(self) -> str:
        """For messages."""
        return ".".join(self.catalogue.full_name)

    def key_of(self, row: Row) -> Row:
        """The key of a whole row."""
        return tuple([row[index] for index in self.table.key])


class TableReader(Protocol):
    """One database's tables, over one connection: read only, in UTC, without the server's time limits.

    One thread at a time. Raises `errors` only: Retryable ones when the server cannot be reached, PrivilegeMissing,
    TableMissing, and TableChanged when the table is no longer as it was described.
    """

    def describe(self, name: TableName) -> Description:
        """The table as it is now. Raises TableMissing."""

    def by_keys(self, description: Description, keys: Sequence[Row]) -> list[Row]:
        """The rows of these keys that are there, in no order. A key is its columns in the order of `Table.key`.

        The database compares: under a case-insensitive collation the row of ``A`` is found by ``a``. Raises
        NoKeyOrder for a table without a key.
        """

    def range(self, description: Description, after: Row | None, upto: Row | None, limit: int) -> list[Row]:
        """At most `limit` rows behind the key `after` up to and with the key `upto`, in the key's order.

        None is before the first and behind the last. Raises NoKeyOrder when the key has no order to read by.
        """

    def whole(self, description: Description) -> Iterator[Row]:
        """Every row, in no order and in bounded memory. Nothing else may be asked until it has ended.

        Closing it early may end the connection, and with it a snapshot.
        """

    def bounds(self, description: Description) -> tuple[Row, Row] | None:
        """The first and the last key; None for an empty table. Raises NoKeyOrder."""

    def key_after(self, description: Description, key: Row | None, count: int) -> Row | None:
        """The key of the row that is `count` rows behind `key`: where a chunk of so many rows ends.

        None as `key` counts from the first row; None comes back when there are fewer. Raises NoKeyOrder.
        """

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """One row as it is now, in the order and the types of `table`, which a log has described.

        A log may have told of a transaction that is not visible yet; the sources wait for that first. None when the
        row, its table or a column of the key is gone; columns that are gone are UNSENT.
        Raises ValueError for a key with an unsent value.
        """

    def snapshot(self) -> AbstractContextManager[None]:
        """Inside it everything that is read is of one moment.

        With `position` asked before it and inside it: what was committed before the first is seen, and what is
        committed behind the second is not.
        """

    def position(self) -> Position:
        """The end of the server's log now, all commits so far included.

        Raises LogUnusable where there is no log, PrivilegeMissing where it may not be asked for.
        """

    def close(self) -> None:
        """Close the connection; safe to call twice, and the next question opens another."""


def logged(name: TableName, columns: Sequence[Column], key: Sequence[str]) -> Table:
    """A table version that no log has described; whole rows of it can be mapped like any other's."""
    schema, table = name
    places = {column.name: index for index, column in enumerate(columns)}
    indexes = tuple(places[column] for column in key if column in places)
    return Table(schema, table, tuple(columns), indexes, Identity.FULL, _no_messages)


def _no_messages(messages: Sequence[bytes]) -> list[Change]:
    raise DecodeError("the rows of this table version do not come from a log")


def missing(name: TableName) -> TableMissing:
    return TableMissing(f"table {'.'.join(name)} does not exist, or may not be seen")


def require_key(description: Description) -> None:
    """Raises NoKeyOrder for a table without a key."""
    if not description.table.key:
        raise NoKeyOrder(f"rows of {description.name} cannot be read by key: {description.unordered or 'it has none'}")


def require_order(description: Description) -> None:
    """Raises NoKeyOrder when ranges of the key cannot be read."""
    if description.unordered:
        raise NoKeyOrder(f"{description.name} cannot be read by ranges of its key: {description.unordered}")


def sent(value: Value) -> bytes | None:
    """A value of a key. Raises ValueError when the log did not send it."""
    if value is None or isinstance(value, bytes):
        return value
    raise ValueError("a column of the key was not sent")
