"""The step from pgoutput's Relation messages to `changes.Table`, with the decoder compiled for each version.

In: Relation and Type messages of one connection. Out: tables by relation oid. What the log does not say (the primary
key under REPLICA IDENTITY FULL, whether a column is generated, the types behind the oids) is looked up in the
catalogue, which may be newer than the log; a column or type that it no longer knows is taken as the log has it.

A relation that is announced again without a difference keeps its `Table`, and so its plans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.types import TypeCatalogue
from cdc_agent.model import echo
from cdc_agent.model.changes import Column, Identity, Table, TableName
from cdc_agent.model.values import Kind, Type
from cdc_agent.sources.postgres.pgoutput import Relation, RelationColumn, TypeName
from cdc_agent.sources.postgres.row_decoder import Shape, compile_decoder, compile_projection
from cdc_agent.sources.postgres.session import Session

_COLUMNS: Final = """
SELECT a.attname::text, NOT a.attnotnull, a.attgenerated <> '',
       coalesce(a.attnum = ANY (i.indkey[0 : i.indnkeyatts - 1]), false)
  FROM pg_attribute a
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
"""

_LESSER_PARTITIONS: Final = """
WITH RECURSIVE tree AS (
    SELECT inhrelid FROM pg_inherits WHERE inhparent = %s
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.inhrelid)
SELECT EXISTS (SELECT FROM tree JOIN pg_class c ON c.oid = tree.inhrelid
                WHERE c.relispartition AND c.relkind = 'r' AND c.relreplident <> 'f')
"""
"""Not pg_partition_tree, which would wait for the lock of an ALTER TABLE."""


@dataclass(frozen=True, slots=True)
class _Description:
    """Everything that a `Table` is made of, comparable."""

    columns: tuple[Column, ...]
    key: tuple[int, ...]
    identity: Identity


class Relations:
    """The relations that one connection has announced. Reader thread only."""

    def __init__(self, session: Session, wanted: Callable[[TableName], bool]) -> None:
        self._session = session
        self._wanted = wanted
        self._types: dict[int, str] = {}
        self._described: dict[int, _Description] = {}
        self.names: dict[int, TableName] = {}
        """Every relation announced."""
        self.routed: dict[int, Table] = {}
        """Those that a route takes."""
        self.own: dict[int, Table] = {}
        """Those of the agent's schema."""

    def name_type(self, message: TypeName) -> None:
        """A type that is not built in: kept in case the catalogue no longer has it."""
        self._types[message.oid] = message.name

    def announce(self, relation: Relation) -> None:
        """A relation's version from here on. Raises SourceUnavailable when the catalogue cannot be asked."""
        name = (relation.schema, relation.name)
        oid = relation.oid
        known = self.routed.pop(oid, None) or self.own.pop(oid, None)
        self.names[oid] = name
        if relation.schema != echo.SCHEMA and not self._wanted(name):
            return
        description = self._session.ask(lambda c: self._describe(c, relation), f"describing {'.'.join(name)}")
        if known is None or known.full_name != name or self._described[oid] != description:
            known = _table(name, description)
        self._described[oid] = description
        (self.own if relation.schema == echo.SCHEMA else self.routed)[oid] = known

    def rest(self) -> None:
        """Nothing comes at the moment: hold no connection for it."""
        self._session.close()

    def _describe(self, connection: psycopg.Connection[Any], relation: Relation) -> _Description:
        types = TypeCatalogue(connection)
        found = {row[0]: row[1:] for row in connection.execute(_COLUMNS, (relation.oid,))}
        columns, primary = [], []
        for index, sent in enumerate(relation.columns):
            nullable, generated, in_key = found.get(sent.name, (True, False, False))
            columns.append(Column(sent.name, self._type(types, sent), nullable, generated))
            if in_key:
                primary.append(index)
        lesser = relation.identity == "f" and _has_lesser_partitions(connection, relation.oid)
        return _Description(tuple(columns), *_identity(relation, tuple(primary), lesser=lesser))

    def _type(self, types: TypeCatalogue, sent: RelationColumn) -> Type:
        try:
            return types.resolve(sent.type_oid, sent.type_modifier)
        except LookupError:
            return Type(Kind.OTHER, self._types.get(sent.type_oid, "unknown"))


def _identity(relation: Relation, primary: tuple[int, ...], *, lesser: bool) -> tuple[tuple[int, ...], Identity]:
    """(key, identity). Under FULL every column is flagged as key, so the primary key is the catalogue's."""
    flagged = tuple(index for index, column in enumerate(relation.columns) if column.key)
    match relation.identity:
        case "f":
            return primary or flagged, Identity.KEY if lesser else Identity.FULL
        case "n":
            return primary, Identity.NOTHING
        case _:
            return flagged or primary, Identity.KEY if flagged else Identity.NOTHING


def _has_lesser_partitions(connection: psycopg.Connection[Any], oid: int) -> bool:
    """Whether a leaf logs less of old rows than its root, under whose identity its changes are announced.

    Such old rows arrive as whole ones (``O``) with nulls where nothing was logged.
    """
    row = connection.execute(_LESSER_PARTITIONS, (oid,)).fetchone()
    return row is not None and bool(row[0])


def _table(name: TableName, description: _Description) -> Table:
    schema, table = name
    shape = Shape(
        name=f"{schema}.{table}",
        types=tuple(column.type for column in description.columns),
        key=frozenset(description.key),
        full=description.identity is Identity.FULL,
    )
    return Table(
        schema=schema,
        name=table,
        columns=description.columns,
        key=description.key,
        identity=description.identity,
        decode=compile_decoder(shape),
        project=partial(compile_projection, shape),
    )
