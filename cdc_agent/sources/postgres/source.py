"""The reading end on PostgreSQL: a logical replication slot's stream in, transactions out, in commit order.

Frames are told apart by their first bytes and row messages kept undecoded; tables that no route takes are not even
copied. Never tells the server of a position that was not acknowledged, and never starts where the slot would silently
skip ahead.

https://www.postgresql.org/docs/current/protocol-logical-replication.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any, Final

import psycopg

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres.connection import connect
from cdc_agent.engines.postgres.log_end import log_end
from cdc_agent.errors import DecodeError, LogUnusable, PublicationAltered, SourceUnavailable
from cdc_agent.model import echo
from cdc_agent.model.changes import Table, TableEvent, TableName, Truncate
from cdc_agent.model.positions import Lsn, Position
from cdc_agent.model.values import Row, Value
from cdc_agent.sources.assemble import Assembler, Report
from cdc_agent.sources.base import Emit, ServerIdentity
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.sources.postgres import slot as slots
from cdc_agent.sources.postgres.copying import Copies, Published
from cdc_agent.sources.postgres.faults import translate
from cdc_agent.sources.postgres.pgoutput import (
    POSTGRES_EPOCH,
    LogicalMessage,
    Relation,
    TruncateRelations,
    TypeName,
    parse,
)
from cdc_agent.sources.postgres.received import Received
from cdc_agent.sources.postgres.relations import Relations
from cdc_agent.sources.postgres.session import Session
from cdc_agent.sources.postgres.stream import HEADER, KEEPALIVE, XLOG_DATA, ReplicationStream, parse_keepalive
from cdc_agent.sources.postgres.watch import Tables, TablesWatch, mark_of, tables_now
from cdc_agent.tables.postgres import PostgresTables

IDLE_BYTES: Final = 1024 * 1024
"""An idle log's progress is reported from so many bytes on, or when somebody asked how far it is."""
_CLOSE_SECONDS: Final = 1.0
_FRAMES_AT_ONCE: Final = 256
"""Between two looks at the clock."""
_SHUTDOWN_PINGS: Final = 5
_SHUTDOWN_SECONDS: Final = 0.5

_ROWS: Final = frozenset(b"IUD")
_BEGIN, _COMMIT, _ORIGIN = b"BCO"
_TAG: Final = Struct(">BI")
_BEGIN_FIELDS: Final = Struct(">QqI")
_COMMIT_FIELDS: Final = Struct(">BQQq")


class PostgresSource:
    """`sources.base.Source` for PostgreSQL 14 and newer."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        target: str,
        pipeline: str,
        slot: str,
        publication: str,
        report: Report,
    ) -> None:
        self._database = database
        self._name = name
        self._target = target
        self._purpose = pipeline
        self._slot = slot
        self._publication = publication
        self._report = report
        self._catalogue = Session(database, f"{pipeline} catalogue")
        self._looking = Session(database, f"{pipeline} watch")
        self._rows = PostgresTables(database, f"{pipeline} rows", SourceUnavailable)
        self._copies = Copies(database, f"{pipeline} copies")
        self._asking = threading.Lock()
        """Held while `_rows` is asked."""
        self._watched = PostgresTables(database, f"{pipeline} watch", SourceUnavailable)
        self._watching = threading.Lock()
        """Held while `_watched` is asked."""
        self._received = Received()
        self._stream: ReplicationStream | None = None
        self._wanted: Callable[[TableName], bool] | None = None
        self._tables: Tables = {}
        """All that there were at the start."""
        self._mark: tuple[Any, ...] | None = None
        self._waiting = 0
        """The log's end at the start: up to there rows wait."""
        self._goal = Lsn(0)
        self._identity: ServerIdentity | None = None
        """What the server said that was asked for it."""
        self._closing = threading.Event()
        self._reading = threading.Lock()

    # --- questions, each with its own connection

    def identity(self) -> ServerIdentity:
        """System identifier and timeline, as IDENTIFY_SYSTEM has them."""
        with slots.connect_replication(self._database, self._purpose) as connection:
            self._identity = slots.identify(connection)
        return self._identity

    def current_position(self) -> Position:
        """The end of the log that readers can see, all commits so far included.

        `read` reports it when it gets there, even if nothing was committed.
        """
        with connect(self._database, purpose=self._purpose, unavailable=SourceUnavailable) as connection:
            try:
                end = log_end(connection)
            except psycopg.Error as error:
                raise translate(error, "asking for the end of the log") from error
        self._goal = max(self._goal, end)
        return end

    logs_keys: Final = True

    def unlogged_keys(self, wanted: Callable[[TableName], bool]) -> tuple[()]:
        """None: PostgreSQL's foreign keys act by statements of their own, which are logged as any other."""
        return ()

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        """See `sources.base.Source`; in the text that the log would have."""
        with self._asking:
            self._received.settle(self._rows.unseen, self._closing.is_set)
            return self._rows.reread(table, key)

    def settle(self) -> None:
        """See `sources.base.Source`. It may wait for long, on a connection of its own: nothing waits for it."""
        with self._watching:
            self._received.settle_all(self._watched.unseen, self._watched.running, self._closing.is_set)

    def _await_received(self) -> None:
        """Return when others see what the reader was sent so far."""
        with self._asking:
            self._received.settle(self._rows.unseen, self._closing.is_set)

    # --- the stream

    def start(self, position: Position, wanted: Callable[[TableName], bool]) -> None:
        """See `sources.base.Source`. Raises also SlotInUse, which names the other reader."""
        if not isinstance(position, Lsn):
            raise LogUnusable(f"the checkpoint {position} is not a position in PostgreSQL's log")
        self._wanted = wanted
        self._close_stream()
        self._received = Received()
        self._stream = ReplicationStream(
            self._database,
            purpose=self._purpose,
            slot=self._slot,
            publication=self._publication,
            position=position,
            check=lambda connection: self._require_log(connection, position),
        )

    def _require_log(self, connection: psycopg.Connection[Any], position: Lsn) -> None:
        """Behind an address there may be several servers: who it is, is asked of each connection.

        The one that will stream is asked nothing else. What its process has looked up of a table would be taken for the
        table's definition at every place of the log, and rows from before an ALTER TABLE be sent in today's form.
        """
        self._require_same(connection)
        with slots.connect_replication(self._database, f"{self._purpose}: looks at the slot") as other:
            self._require_same(other)
            try:
                self._require_slot(other, position)
            except psycopg.Error as error:
                raise translate(error, "looking at the slot") from error

    def _require_same(self, connection: psycopg.Connection[Any]) -> None:
        identity = slots.identify(connection)
        if self._identity is not None and identity.text != self._identity.text:
            raise SourceUnavailable("another server answers at the source's address now")

    def _require_slot(self, connection: psycopg.Connection[Any], position: Lsn) -> None:
        found = slots.require_ours(slots.state(connection, self._slot), self._slot, self._database)
        slots.require_free(slots.wait_until_free(connection, self._slot) or found)
        end = log_end(connection)
        slots.require_position(found, position, end)
        self._tables = self._require_published(connection)
        self._waiting = end.value
        self._goal = max(self._goal, end)

    def _require_published(self, connection: psycopg.Connection[Any]) -> Tables:
        """All tables; what the publication leaves out of the routed ones would just be missing."""
        found = publications.read(connection, self._publication)
        if found is None:
            raise LogUnusable(
                f"publication {self._publication} does not exist",
                hint="cdc-agent setup -c FILE creates it; changes made without it are missing: copy its rows again",
            )
        wanted = self._wanted
        assert wanted is not None
        self._mark = mark_of(connection, self._publication)
        tables = tables_now(connection)
        if missing := found.shortfall(filter(wanted, tables)):
            raise PublicationAltered(f"publication {self._publication} leaves changes out", details=missing)
        return tables

    def read(self, emit: Emit, stop: Callable[[], bool]) -> None:
        """See `sources.base.Source`."""
        stream, wanted = self._stream, self._wanted
        if stream is None or wanted is None:
            raise SourceUnavailable("the source was not started")
        expected = {name: relation.oid for name, relation in self._tables.items() if wanted(name)}
        relations = Relations(self._catalogue, wanted, expected, self._waiting)
        assembler = Assembler(emit, target=self._target, report=self._report)
        watch = TablesWatch(
            self._looking, wanted, self._tables, self._mark, publication=self._publication, slot=self._slot
        )
        published = Published(
            self._slot, wanted, self._await_received, self._copies, relations, assembler, self.keepalive
        )
        reader = _Reader(stream, relations, assembler, self._received, self._report, watch, published)
        with self._reading:
            try:
                while not stop() and not self._closing.is_set():
                    reader.read_some()
                    reader.look()
                    reader.seek(self._goal.value)
                    stream.tick()
            except BaseException:
                self._close_stream()
                raise
            if self._closing.is_set():
                self._close_stream()

    def keepalive(self) -> None:
        """See `sources.base.Source`."""
        if self._stream is not None:
            self._stream.heard()
            self._stream.report()

    def acknowledge(self, position: Position) -> None:
        """See `sources.base.Source`."""
        if self._stream is not None and isinstance(position, Lsn):
            self._stream.acknowledged = max(self._stream.acknowledged, position.value)
            self._received.forget(position.value)

    def close(self) -> None:
        """See `sources.base.Source`; a running `read` ends within a tick, or else closes the stream when it ends."""
        self._closing.set()
        self._close_tables()
        if self._reading.acquire(timeout=_CLOSE_SECONDS):
            try:
                self._close_stream()
            finally:
                self._reading.release()

    def _close_tables(self) -> None:
        """Whoever waits for rows gives up at once; a statement that runs is cut off after a moment."""
        for lock, tables in ((self._asking, self._rows), (self._watching, self._watched)):
            asked = lock.acquire(timeout=_CLOSE_SECONDS)
            tables.close()
            if asked:
                lock.release()

    def _close_stream(self) -> None:
        self._catalogue.close()
        self._looking.close()
        self._copies.close()
        if self._stream is not None:
            self._stream.close()


class _Reader:
    """The hot loop: one for each `read`."""

    def __init__(
        self,
        stream: ReplicationStream,
        relations: Relations,
        assembler: Assembler,
        received: Received,
        report: Report,
        watch: TablesWatch,
        published: Published,
    ) -> None:
        self._watch = watch
        self._published = published
        self._end = stream.received
        """How far the server's log is known to go."""
        self._stream = stream
        self._received = received.begun.append
        self._relations = relations
        self._assembler = assembler
        self._report = report
        self._start = stream.received
        self._seen = stream.received
        """The last position handed over."""
        self._open = False
        """Between a Begin and its Commit."""
        self._commit_lsn = 0
        """Of the transaction that is open, or was last."""
        self._covered = False
        """Inside a transaction that the position to start from covers already."""
        self._pings: list[float] = []

    def read_some(self) -> None:
        """Handle the frames that are there, or wait a tick for one."""
        stream = self._stream
        next_frame = stream.next_frame
        routed = self._relations.routed
        assembler = self._assembler
        for _ in range(_FRAMES_AT_ONCE):
            size, frame = next_frame(1)
            if size == 0:
                stream.fetch()
                size, frame = next_frame(1)
            if size <= 0:
                break
            kind = frame[0]
            if kind == XLOG_DATA:
                tag, oid = _TAG.unpack_from(frame, HEADER)
                if tag not in _ROWS:
                    self._control(tag, frame)
                elif self._covered:
                    continue
                elif (table := routed.get(oid)) is None:
                    self._unrouted(oid, frame)
                elif assembler.dropping:
                    assembler.skipped()
                else:
                    assembler.rows(table, frame[HEADER:].tobytes())
            elif kind == KEEPALIVE:
                self._keepalive(frame)
            else:
                raise DecodeError(f"the replication stream has a frame of the unknown kind {chr(kind)!r}")
        else:
            stream.heard()
            return
        if size < 0:
            raise stream.ended()
        if not stream.wait():
            self._relations.rest()
            self._watch.rest()

    def seek(self, goal: int) -> None:
        """Ask the server how far it is, while it is not known to have read its log up to `goal`."""
        if self._seen < max(goal, self._watch.goal) and not self._open and not self._stream.asked:
            self._stream.ping()

    def look(self) -> None:
        """Between transactions: tell what has happened to tables, and look again when it is time."""
        watch = self._watch
        if self._open:
            return
        if watch.goal and (happened := watch.take(self._seen)):
            self._tell([told for event, oid in happened for told in self._relations.tell(event, oid)])
        if watch.due() and not watch.look(max(self._end, self._stream.received)):
            self._stream.ping()

    def _tell(self, events: Sequence[TableEvent]) -> None:
        """A transaction of its own, where the log is read to."""
        if events:
            self._assembler.begin()
            for event in events:
                self._assembler.happened(event)
            self._assembler.commit(Lsn(self._seen), None)

    def _unrouted(self, oid: int, frame: memoryview) -> None:
        if (own := self._relations.own.get(oid)) is not None:
            self._assembler.own(own, frame[HEADER:].tobytes())
        elif oid in self._relations.names:
            self._assembler.skipped()
        else:
            raise DecodeError(f"a row of relation {oid}, which was not announced")

    def _control(self, tag: int, frame: memoryview) -> None:
        if tag == _BEGIN:
            commit_lsn, _, xid = _BEGIN_FIELDS.unpack_from(frame, HEADER + 1)
            self._open, self._commit_lsn = True, commit_lsn
            self._covered = commit_lsn < self._start
            self._received((commit_lsn, xid))
            self._assembler.begin()
        elif tag == _COMMIT:
            self._commit(frame)
        elif tag != _ORIGIN:
            self._rare(frame[HEADER:].tobytes())

    def _commit(self, frame: memoryview) -> None:
        _, _, end, micros = _COMMIT_FIELDS.unpack_from(frame, HEADER + 1)
        covered, self._open, self._covered = self._covered, False, False
        self._stream.received = end
        if not covered:
            self._require_all_published()
            self._seen = end
            self._assembler.commit(Lsn(end), POSTGRES_EPOCH + micros / 1_000_000)

    def _rare(self, message: bytes) -> None:
        match parse(message):
            case Relation() as relation:
                for event in self._relations.announce(relation, self._commit_lsn):
                    if not self._covered:
                        self._assembler.happened(event)
            case TypeName() as name:
                self._relations.name_type(name)
            case TruncateRelations() as truncate:
                self._truncate(truncate)
            case LogicalMessage(transactional=True, prefix=echo.MESSAGE_PREFIX, content=content):
                if not self._covered:
                    self._assembler.message(content)
            case LogicalMessage(transactional=True, prefix=publications.PUBLISHED, content=content):
                if not self._covered:
                    self._published.take(content)
            case LogicalMessage():
                pass
            case other:
                raise DecodeError(f"a {type(other).__name__} message where none belongs")

    def _truncate(self, truncate: TruncateRelations) -> None:
        if self._covered:
            return
        relations = self._relations
        if unknown := set(truncate.relations) - relations.names.keys():
            raise DecodeError(f"TRUNCATE of relations {sorted(unknown)}, which were not announced")
        for oid in truncate.relations:
            if oid in relations.own:
                self._report("foreign_checkpoint_write", relations.names[oid])
        tables = tuple(relations.names[oid] for oid in truncate.relations if oid in relations.routed)
        if tables:
            self._assembler.truncate(Truncate(tables, truncate.cascade, truncate.restart_identity))
        else:
            self._assembler.skipped()

    def _keepalive(self, frame: memoryview) -> None:
        log_end, wants_answer = parse_keepalive(frame)
        asked, self._stream.asked = self._stream.asked, False
        self._end = max(self._end, log_end)
        if wants_answer:
            self._refuse_shutdown_wait()
        if not self._open:
            self._require_all_published()
            self._stream.received = max(self._stream.received, log_end)
            if log_end > self._seen and (asked or log_end - self._seen >= IDLE_BYTES):
                self._seen = log_end
                self._assembler.idle(Lsn(log_end))
        if wants_answer:
            self._stream.report()

    def _require_all_published(self) -> None:
        if self._stream.fault is not None:
            raise self._stream.fault

    def _refuse_shutdown_wait(self) -> None:
        """A server that shuts down waits until its reader has *flushed* all, its last checkpoint record included.

        It then asks again after every answer. That record will not be acknowledged, since nothing of it reaches the
        target: so let go of the server, which would wait for ever. The log behind the checkpoint stays where it is.
        """
        now = time.monotonic()
        self._pings = [*self._pings[1 - _SHUTDOWN_PINGS :], now]
        if len(self._pings) == _SHUTDOWN_PINGS and now - self._pings[0] < _SHUTDOWN_SECONDS:
            raise SourceUnavailable("the server is shutting down")
