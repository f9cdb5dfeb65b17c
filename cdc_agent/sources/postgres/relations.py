"""The step from pgoutput's Relation messages to `changes.Table`, with the decoder compiled for each version.

In: Relation and Type messages of one connection. Out: tables by relation oid. What the log does not say (the primary
key under REPLICA IDENTITY FULL, whether a column is generated, the types behind the oids) is looked up in the
catalogue, which may be newer than the log; a column or type that it no longer knows is taken as the log has it.
Of the tables whose rows wait in the log at the start, all but the first few are described from one reading of the
catalogue.

A relation that is announced again without a difference keeps its `Table`, and so its plans.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.catalogue import Partition, ReplicaIdentity, find_all, partitions
from cdc_agent.engines.postgres.types import TypeCatalogue
from cdc_agent.model import echo
from cdc_agent.model.changes import Column, EventKind, Identity, Table, TableEvent, TableName
from cdc_agent.model.generated import lazily
from cdc_agent.model.values import Kind, Type
from cdc_agent.sources.postgres.pgoutput import Relation, RelationColumn, TypeName
from cdc_agent.sources.postgres.row_decoder import Shape, compile_decoder, compile_projection
from cdc_agent.sources.postgres.session import Session

ONE_BY_ONE: Final = 4
"""Relations that are described by themselves before all that is expected is read: a short log seldom holds more."""

EXPECTED: Final = -1
"""Stands for the oid of a table whose coming was told, and whose rows have not come yet."""

_COLUMNS: Final = """
SELECT a.attrelid, a.attname::text, NOT a.attnotnull, a.attgenerated <> '',
       coalesce(a.attnum = ANY (i.indkey[0 : i.indnkeyatts - 1]), false), a.atttypid, a.atttypmod,
       a.attnum
  FROM pg_attribute a
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
 WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True)
class _Description:
    """Everything that a `Table` is made of, comparable."""

    columns: tuple[Column, ...]
    key: tuple[int, ...]
    identity: Identity


@dataclass(frozen=True, slots=True)
class _Attribute:
    """What the catalogue knows of a column beyond the log."""

    nullable: bool
    generated: bool
    in_key: bool
    number: int = 0


@dataclass(frozen=True, slots=True)
class _Reading:
    """The catalogue's answers about some relations, of one moment."""

    attributes: dict[int, dict[str, _Attribute]]
    partitions: dict[int, list[Partition]]
    """Of partitioned relations."""
    types: TypeCatalogue


class Relations:
    """The relations that one connection has announced. Reader thread only."""

    def __init__(
        self,
        session: Session,
        wanted: Callable[[TableName], bool],
        expected: Mapping[TableName, int] = MappingProxyType({}),
        until: int = 0,
    ) -> None:
        """`expected` are the routed tables at the start, with their oids.

        Rows of theirs up to `until` (the log's end at the start, an LSN) may be in the log.
        """
        self._session = session
        self._wanted = wanted
        self._expected = tuple(expected)
        self._until = until
        self.known: dict[TableName, int] = dict(expected)
        """The oid under each routed name, as far as it was told: 0 for none, EXPECTED for one that is not known."""
        self._one_by_one = 0
        self._types: dict[int, str] = {}
        self._foreseen: _Reading | None = None
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

    def announce(self, relation: Relation, commit: int) -> list[TableEvent]:
        """A relation's version from the transaction that ends at `commit` on; what must have happened to tables.

        Raises SourceUnavailable when the catalogue cannot be asked.
        """
        name = (relation.schema, relation.name)
        oid = relation.oid
        known = self.routed.pop(oid, None) or self.own.pop(oid, None)
        events = list(self._events(oid, name, commit))
        self.names[oid] = name
        if relation.schema != echo.SCHEMA and not self._wanted(name):
            return events
        description = self._description(relation, commit)
        if known is None or known.full_name != name or self._described[oid] != description:
            known = _table(name, description)
        self._described[oid] = description
        (self.own if relation.schema == echo.SCHEMA else self.routed)[oid] = known
        return events

    def _events(self, oid: int, name: TableName, commit: int) -> Iterator[TableEvent]:
        """What waited in the log at the start may be of tables that were not there any more by then."""
        if name[0] == echo.SCHEMA:
            return
        before = self.names.get(oid, name)
        if before != name and self._wanted(before):
            yield from self._once(TableEvent(EventKind.RENAMED, before, name), 0)
        if not self._wanted(name) or (before == name and name not in self.known):
            return  # a partition is announced beside its root; which table is new, the catalogue says
        if commit > self._until or any(self.names[one] == name for one in self.routed):
            kind = EventKind.REPLACED if self.known.get(name) else EventKind.CREATED
            yield from self._once(TableEvent(kind, name, before if before != name else None), oid)
        self.known[name] = oid

    def tell(self, event: TableEvent, oid: int) -> Iterator[TableEvent]:
        """An event that was learned of otherwise, unless it was told already; `oid` is the table's now, 0 for none."""
        if event.kind in (EventKind.EMPTIED, EventKind.EXCHANGED):
            return iter([event])
        return self._once(event, oid)

    def _once(self, event: TableEvent, oid: int) -> Iterator[TableEvent]:
        known, self.known[event.table] = self.known.get(event.table), oid
        if known != oid and not (known == EXPECTED and oid):
            yield event

    def rest(self) -> None:
        """Nothing comes at the moment: hold no connection for it, and nothing that was read ahead."""
        self._session.close()
        self._foreseen = None

    def _description(self, relation: Relation, commit: int) -> _Description:
        """By what was read for all, where that is not older than the log: later transactions may have changed it."""
        reading = self._foresee() if commit <= self._until else None
        if reading is not None and _covers(reading, relation):
            return self._describe(reading, relation)

        def describe(connection: psycopg.Connection[Any]) -> _Description:
            return self._describe(_read(connection, [relation.oid]), relation)

        return self._session.ask(describe, f"describing {relation.schema}.{relation.name}")

    def _foresee(self) -> _Reading | None:
        """The catalogue's answers about all that is expected, once a few relations were announced."""
        self._one_by_one += 1
        if self._foreseen is None and self._one_by_one > ONE_BY_ONE:
            self._foreseen = self._session.ask(self._read_expected, f"describing {len(self._expected)} tables")
        return self._foreseen

    def _read_expected(self, connection: psycopg.Connection[Any]) -> _Reading:
        return _read(connection, list(find_all(connection, self._expected).values()))

    def _describe(self, reading: _Reading, relation: Relation) -> _Description:
        attributes = reading.attributes.get(relation.oid, {})
        columns, primary = [], []
        for index, sent in enumerate(relation.columns):
            found = attributes.get(sent.name, _UNKNOWN)
            columns.append(
                Column(sent.name, self._type(reading.types, sent), found.nullable, found.generated, number=found.number)
            )
            if found.in_key:
                primary.append(index)
        partitions = tuple(reading.partitions.get(relation.oid, ()))
        return _Description(tuple(columns), *_identity(relation, tuple(primary), partitions))

    def _type(self, types: TypeCatalogue, sent: RelationColumn) -> Type:
        try:
            return types.resolve(sent.type_oid, sent.type_modifier)
        except LookupError:
            return Type(Kind.OTHER, self._types.get(sent.type_oid, "unknown"))


_UNKNOWN: Final = _Attribute(nullable=True, generated=False, in_key=False)


def _read(connection: psycopg.Connection[Any], oids: Sequence[int]) -> _Reading:
    """The types of all columns are resolved here, so that nothing has to be asked for them later."""
    types = TypeCatalogue(connection)
    attributes: dict[int, dict[str, _Attribute]] = {}
    for oid, name, nullable, generated, in_key, type_oid, modifier, number in connection.execute(
        _COLUMNS, (list(oids),)
    ).fetchall():
        attributes.setdefault(oid, {})[name] = _Attribute(nullable, generated, in_key, number)
        with contextlib.suppress(LookupError):
            types.resolve(type_oid, modifier)
    return _Reading(attributes, partitions(connection, oids), types)


def _covers(reading: _Reading, relation: Relation) -> bool:
    """Whether the relation is described without a further question: its columns may have changed since in the log."""
    return relation.oid in reading.attributes and all(
        reading.types.knows(sent.type_oid, sent.type_modifier) for sent in relation.columns
    )


def _identity(
    relation: Relation, primary: tuple[int, ...], partitions: tuple[Partition, ...]
) -> tuple[tuple[int, ...], Identity]:
    """(key, identity). Under FULL every column is flagged as key, so the primary key is the catalogue's.

    A partition logs by its own identity and is announced under its root's: an old row then arrives as the root would
    send it, with nulls where the partition logged nothing.
    """
    key, identity = _of_relation(relation, primary)
    if not partitions:
        return key, identity
    names = [column.name for column in relation.columns]
    own = tuple(names[place] for place in key) if identity is Identity.KEY else ()
    found = ReplicaIdentity(identity, own, partitions).of_partitions(tuple(names[place] for place in primary))
    if found.identity is Identity.FULL:
        return primary or tuple(range(len(names))), Identity.FULL
    return tuple(place for place, name in enumerate(names) if name in found.key), found.identity


def _of_relation(relation: Relation, primary: tuple[int, ...]) -> tuple[tuple[int, ...], Identity]:
    flagged = tuple(index for index, column in enumerate(relation.columns) if column.key)
    match relation.identity:
        case "f":
            return primary or flagged, Identity.FULL
        case "n":
            return primary, Identity.NOTHING
        case _:
            return flagged or primary, Identity.KEY if flagged else Identity.NOTHING


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
        decode=lazily(partial(compile_decoder, shape)),
        project=partial(compile_projection, shape),
    )
