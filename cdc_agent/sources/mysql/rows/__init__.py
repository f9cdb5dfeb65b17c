"""The MySQL and MariaDB row decoder: TABLE_MAP and rows events in, tables and `Change` tuples out.

`TableMaps` gives for each TABLE_MAP event a `TableMap`, which costs one look-up when it has been seen before. Only a
wanted table is described (`TableMap.table`), and only then must its metadata be there. Nothing here does I/O but the
callables that `Charsets` and `TableMaps` are given. Rows are never decoded with today's catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias

from cdc_agent.model.changes import Column, Identity, Table, TableName
from cdc_agent.sources.mysql.rows.charsets import Ask, Charsets, Collation
from cdc_agent.sources.mysql.rows.columns import canonical_type
from cdc_agent.sources.mysql.rows.decoder import RowsDecoder
from cdc_agent.sources.mysql.rows.table_map import parse, parse_name

__all__ = ["Ask", "Charsets", "Collation", "TableMap", "TableMaps"]

_KEPT: Final = 10_000
"""Table maps remembered; a server with more tables than this has the oldest ones taken apart again."""
_IDENTITY: Final = 8
"""Bytes of table id and flags, which change without the table changing."""


class TableMap:
    """One TABLE_MAP event, taken apart as far as it is needed."""

    __slots__ = ("_body", "_tables", "name", "schema", "table_id")

    def __init__(self, body: bytes, tables: _Tables) -> None:
        self.table_id, self.schema, self.name, _ = parse_name(body)
        self._body = body
        self._tables = tables

    def table(self) -> Table:
        """The table version that rows with this id belong to.

        Raises LogUnusable, naming the table and the setting, when the log lacks the full metadata, and DecodeError
        when it is not understood.
        """
        return self._tables.table(self._body)


Derived: TypeAlias = "Callable[[TableName], Collection[str]]"
"""The names, in lower case, of the columns that the server generates."""


def no_columns(table: TableName) -> Collection[str]:
    """For logs that are read without a catalogue."""
    return ()


class TableMaps:
    """Every table map of one connection to a source.

    `charsets` are those of the server whose log this is, `flavor` is ``mysql`` or ``mariadb``; `derived` knows the
    generated columns of a table, of which table maps say nothing.
    """

    def __init__(self, charsets: Charsets, flavor: str, derived: Derived = no_columns) -> None:
        self._maps: dict[bytes, TableMap] = {}
        self._tables = _Tables(charsets, flavor == "mariadb", derived)

    def define(self, body: bytes) -> TableMap:
        """The table map of an event's body: what follows the event header, without the checksum."""
        found = self._maps.get(body)
        if found is None:
            _make_room(self._maps)
            found = self._maps[body] = TableMap(body, self._tables)
        return found


class _Tables:
    """Table versions by what describes them, so that a new table id alone makes no new version."""

    def __init__(self, charsets: Charsets, mariadb: bool, derived: Derived) -> None:
        self._charsets = charsets
        self._mariadb = mariadb
        self._derived = derived
        self._tables: dict[bytes, Table] = {}

    def table(self, body: bytes) -> Table:
        description = body[_IDENTITY:]
        found = self._tables.get(description)
        if found is None:
            _make_room(self._tables)
            found = self._tables[description] = self._describe(body)
        return found

    def _describe(self, body: bytes) -> Table:
        parsed = parse(body, self._charsets, mariadb=self._mariadb)
        derived = self._derived((parsed.schema, parsed.name))
        columns = tuple(
            Column(
                column.name,
                canonical_type(column),
                nullable=column.nullable,
                derived=column.name.lower() in derived,
            )
            for column in parsed.columns
        )
        decode = RowsDecoder(f"{parsed.schema}.{parsed.name}", parsed.columns, self._charsets)
        return Table(parsed.schema, parsed.name, columns, parsed.key, Identity.FULL, decode, decode.project)


def _make_room(cache: dict[bytes, TableMap] | dict[bytes, Table]) -> None:
    if len(cache) >= _KEPT:
        del cache[next(iter(cache))]
