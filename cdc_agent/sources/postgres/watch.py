"""Looks whether the tables and the publication are still those that the stream is read by.

PostgreSQL logs neither schema changes nor ALTER PUBLICATION for a reader, and a table that is not in the publication
is just missing. So the catalogue is asked: at most once a second, only when the log has moved, and for a small share of
the time. In: how far the log goes. Out: what happened to routed tables, each behind the position by which it had
happened, and PublicationAltered.

A new table that a route takes is added to the publication where the role may do that and the table has an identity;
without one the application's own updates would fail. A logical message in the same transaction says so in the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from cdc_agent.engines.postgres.identifiers import qualified
from cdc_agent.engines.postgres.log_end import log_end
from cdc_agent.errors import LogUnusable, PublicationAltered
from cdc_agent.model.changes import EventKind, TableEvent, TableName
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.sources.postgres.session import Session

LOOK_SECONDS: Final = 1.0
_SHARE: Final = 200
"""A look that takes long is followed by a pause of so many times as long."""
_KEEP_SECONDS: Final = 10.0
"""How long the connection is kept for the next look."""
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '250ms'"
"""Whoever comes behind us has to wait for as long."""
_LOCKED_SECONDS: Final = 5.0
"""Until a table is tried again that somebody else is writing to."""

_TABLES: Final = f"""
WITH RECURSIVE tree AS (
    SELECT i.inhparent AS root, i.inhrelid AS member
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent AND c.relkind = 'p' AND NOT c.relispartition
    UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.member)
SELECT n.nspname, c.relname, c.oid::bigint, pg_has_role(c.relowner, 'USAGE'), {publications.IDENTIFIED},
       ARRAY(SELECT member::bigint FROM tree JOIN pg_class l ON l.oid = member WHERE root = c.oid AND l.relkind <> 'p')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

_MARK: Final = """
SELECT (SELECT md5(string_agg(concat(c.oid, c.relnamespace, c.relname, c.relreplident), ' ' ORDER BY c.oid))
          FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'),
       (SELECT md5(string_agg(concat(i.inhparent, i.inhrelid), ' ' ORDER BY i.inhparent, i.inhrelid))
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent AND c.relkind = 'p'),
       (SELECT md5(string_agg(concat(n.oid, n.nspname), ' ' ORDER BY n.oid)) FROM pg_namespace n),
       p.oid, p.xmin::text,
       (SELECT md5(string_agg(concat(r.oid, ' ', r.xmin), ' ' ORDER BY r.oid))
          FROM pg_publication_rel r WHERE r.prpubid = p.oid)
  FROM (SELECT %s AS name) AS ours LEFT JOIN pg_publication p ON p.pubname = ours.name
"""


@dataclass(frozen=True, slots=True)
class Relation:
    oid: int
    owned: bool
    """Whether the role may publish it."""
    identified: bool
    """Whether its updates and deletes work once they are published."""
    leaves: frozenset[int]
    """The partitions that hold its rows."""


Tables = Mapping[TableName, Relation]


def tables_now(connection: psycopg.Connection[Any]) -> Tables:
    """Every table that could be published."""
    rows = connection.execute(_TABLES.encode()).fetchall()
    return {
        (schema, name): Relation(oid, owned, identified, frozenset(leaves))
        for schema, name, oid, owned, identified, leaves in rows
    }


def mark_of(connection: psycopg.Connection[Any], publication: str) -> tuple[Any, ...] | None:
    """Stands still as long as nothing happens to tables or to the publication."""
    return connection.execute(_MARK.encode(), (publication,)).fetchone()


class TablesWatch:
    """Reader thread only."""

    def __init__(
        self,
        session: Session,
        wanted: Callable[[TableName], bool],
        tables: Tables,
        mark: tuple[Any, ...] | None,
        *,
        publication: str,
        slot: str,
    ) -> None:
        """`tables` are those of the start, not older than `mark`."""
        self._session = session
        self._wanted = wanted
        self._tables = tables
        self._publication = publication
        self._slot = slot
        self._mark = mark
        self._looked = time.monotonic()
        self._pause = LOOK_SECONDS
        self._known_end = 0
        """How far the log was known to go at the last look."""
        self._locked = False
        """Whether a table could not be published the last time, since somebody was writing to it."""
        self._happened: list[tuple[int, TableEvent, int]] = []

    @property
    def goal(self) -> int:
        """The LSN by which what is known to have happened had happened."""
        return self._happened[-1][0] if self._happened else 0

    def due(self) -> bool:
        """Whether it is time to look, if the log has moved."""
        return time.monotonic() - self._looked >= self._pause

    def look(self, end: int) -> bool:
        """Look, unless the log has not moved from `end` since the last time; whether it was looked.

        Raises PublicationAltered, LogUnusable for a publication that is gone, SourceUnavailable.
        """
        if end <= self._known_end and not self._locked:
            return False
        began = self._looked = time.monotonic()
        self._known_end, self._locked = end, False
        self._session.ask(self._ask, "looking at the publication")
        took = time.monotonic() - began
        self._pause = _LOCKED_SECONDS if self._locked else max(LOOK_SECONDS, took * _SHARE)
        return True

    def rest(self) -> None:
        """Nothing comes at the moment."""
        if time.monotonic() - self._looked > _KEEP_SECONDS:
            self._session.close()

    def take(self, reached: int) -> list[tuple[TableEvent, int]]:
        """What had happened when the log was where it is read to now, each once, with the table's oid now or 0."""
        taken = [(event, oid) for lsn, event, oid in self._happened if lsn <= reached]
        self._happened = self._happened[len(taken) :]
        return taken

    # --- one look

    def _ask(self, connection: psycopg.Connection[Any]) -> None:
        mark = mark_of(connection, self._publication)
        if mark == self._mark:
            return
        found = publications.read(connection, self._publication)
        if found is None:
            raise LogUnusable(
                f"publication {self._publication} does not exist any more",
                hint="cdc-agent setup -c FILE creates it; changes made without it are missing",
            )
        now, before = tables_now(connection), self._tables
        events = list(differences(before, now, self._wanted))
        stayed = {name for name in now if name in before and now[name].oid == before[name].oid and self._wanted(name)}
        if missing := found.shortfall(stayed):
            raise PublicationAltered(f"publication {self._publication} was altered", details=missing)
        told: list[TableEvent] = []
        known = dict(now)
        for event in events:
            try:
                told += self._told(connection, found, now, event)
            except psycopg.errors.LockNotAvailable:
                _forget(known, before, event.table)
                self._locked = True
        end = log_end(connection).value
        oids = {name: relation.oid for name, relation in now.items()}
        self._happened += [(end, event, oids.get(event.table, 0)) for event in told]
        self._tables = known
        self._mark = None if events else mark

    def _told(
        self, connection: psycopg.Connection[Any], found: publications.Publication, now: Tables, event: TableEvent
    ) -> list[TableEvent]:
        """The event as it is to be told; nothing for one that the log itself will tell, since the table was added."""
        if event.kind not in (EventKind.CREATED, EventKind.REPLACED) or event.table in found.tables:
            return [event]
        added = publish(connection, found, self._slot, event.table, now[event.table], event.kind)
        return [] if added else [unlogged(event, now[event.table], self._publication, self._slot)]


def _forget(known: dict[TableName, Relation], before: Tables, table: TableName) -> None:
    """Have the next look find the difference again."""
    known.pop(table)
    if table in before:
        known[table] = before[table]


def unlogged(event: TableEvent, relation: Relation, publication: str, slot: str) -> TableEvent:
    """The event of a table that is not published, with what somebody who may has to run."""
    table = event.table
    identity = () if relation.identified else (f"ALTER TABLE {qualified(*table)} REPLICA IDENTITY FULL",)
    statements = (*identity, "; ".join(publications.addition(publication, slot, table, event.kind)))
    return TableEvent(event.kind, table, event.other, unlogged=statements)


def publish(
    connection: psycopg.Connection[Any],
    found: publications.Publication,
    slot: str,
    table: TableName,
    relation: Relation,
    kind: EventKind,
) -> bool:
    """Add a table to the publication where that is allowed and harms nobody; whether it was.

    Raises psycopg.errors.LockNotAvailable while somebody writes to it.
    """
    if not (found.owned and relation.owned and relation.identified) or publications.unidentified(connection, [table]):
        return False
    first, *others = publications.addition(found.name, slot, table, kind)
    try:
        connection.execute(first.encode())
        connection.execute(_LOCK_TIMEOUT.encode())
        for statement in others:
            connection.execute(statement.encode())
    except psycopg.Error:
        connection.execute(b"ROLLBACK")
        raise
    return True


def differences(before: Tables, now: Tables, wanted: Callable[[TableName], bool]) -> Iterable[TableEvent]:
    """What happened to the names that routes take, between two looks."""
    was = {relation.oid: name for name, relation in before.items()}
    is_ = {relation.oid: name for name, relation in now.items()}
    for name in filter(wanted, before):
        moved = is_.get(before[name].oid)
        if moved == name:
            yield from _partitions(name, before[name], now[name], was, is_)
        elif name in now:
            yield TableEvent(EventKind.REPLACED, name, was.get(now[name].oid))
        elif moved is not None:
            yield TableEvent(EventKind.RENAMED, name, moved)
        else:
            yield TableEvent(EventKind.DROPPED, name)
    for name in filter(wanted, now.keys() - before.keys()):
        yield TableEvent(EventKind.CREATED, name, was.get(now[name].oid))


def _partitions(
    name: TableName, before: Relation, now: Relation, was: Mapping[int, TableName], is_: Mapping[int, TableName]
) -> Iterable[TableEvent]:
    """Partitions that left took rows along, those that were tables of their own brought some: the log has neither."""
    for leaf in sorted(before.leaves - now.leaves):
        yield TableEvent(EventKind.EMPTIED, name, is_.get(leaf))
    for leaf in sorted(now.leaves - before.leaves):
        if leaf in was:
            yield TableEvent(EventKind.EXCHANGED, name, was[leaf])
