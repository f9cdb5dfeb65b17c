"""The binlog's events become transactions: which event begins one, which ends it, and what lies between.

In: the packets of a dump connection, in order. Out: calls of the `Assembler`, with a position at every commit. It
decides where a transaction begins (a GTID event) and ends (XID, COMMIT, a statement of its own), holds XA branches back
until they are decided, and stops loudly at whatever would lose rows: rows logged as statements, unknown events,
incidents. It never decodes a row and never does I/O, except that a large or forgotten XA branch is read again through
the `BranchReader` it was given.

The hot path is `feed` with `_plain`, then the handlers from `_gtid` to `_xid`; everything else is rare.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cdc_agent.errors import DecodeError, LogGone, LogUnusable, SourceUnavailable
from cdc_agent.model import echo
from cdc_agent.model.changes import Table, TableName, Transaction, Truncate
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.assemble import Assembler, Report, Savepoint
from cdc_agent.sources.mysql import compression, events, statements
from cdc_agent.sources.mysql.branches import Branch, Branches, BranchReader
from cdc_agent.sources.mysql.events import Event, EventReader, Plain
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids
from cdc_agent.sources.mysql.rows import Charsets, TableMaps

_NO_TABLE: Final = 0xFFFFFF
"""The table id of a row event that holds no rows and only ends a statement."""
_KNOWN_MAPS: Final = 10_000
_UNWANTED: Final = 0
_OWN: Final = 1
_WANTED: Final = 2
_PREFIXES: Final = tuple(bytes((kind,)) for kind in range(256))

_NOT_OURS: Final = (
    events.INTVAR,
    events.RAND,
    events.USER_VAR,
    events.BEGIN_LOAD_QUERY,
    events.APPEND_BLOCK,
    events.DELETE_FILE,
    events.IGNORABLE,
    events.ROWS_QUERY,
    events.TRANSACTION_CONTEXT,
    events.VIEW_CHANGE,
    events.MARIADB_ANNOTATE_ROWS,
    events.MARIADB_START_ENCRYPTION,
)
"""Events that change no rows by themselves. What INTVAR, RAND, USER_VAR and the LOAD blocks prepare is a statement, and
the statement decides."""

STATEMENT_HINT: Final = (
    "the session that wrote it did not use binlog_format = ROW; forbid that (remove the right to set it), then run "
    "setup and repair for this pipeline, since these rows are not in the log"
)


@functools.lru_cache(maxsize=1_000)
def _uuid(source: bytes) -> str:
    return str(uuid.UUID(bytes=source))


class Stream:
    """Reads one source's log for one pipeline, from a position on. Used by the reader thread alone."""

    def __init__(
        self,
        emit: Callable[[Transaction], None],
        *,
        position: BinlogPosition,
        gtids: MysqlGtids | MariadbGtids | None,
        wanted: Callable[[TableName], bool],
        target: str,
        maps: TableMaps,
        charsets: Charsets,
        branches: BranchReader,
        report: Report,
        lower_case: bool = False,
    ) -> None:
        """`gtids` is the set up to `position`, None when it is not known; `lower_case`: the server's names are."""
        self.routed = False
        """Set when rows are handed over; its owner clears it."""
        self._assembler = Assembler(self._counted(emit), target=target, report=report)
        self._wanted = wanted
        self._maps = maps
        self._charsets = charsets
        self._branch_reader = branches
        self._report = report
        self._lower_case = lower_case
        self._reader = EventReader()
        self._branches = Branches()
        self._file, self._offset = position.file, position.offset
        self._gtids = gtids
        self._gtid_text = position.gtid
        self._reported = position.sequence
        self._number = self._reported[0]
        self._part_open = False
        self._known: dict[bytes, tuple[int, int, Table | None]] = {}
        self._tables: dict[int, tuple[int, Table | None]] = {}
        self._schemas: set[str] = set()
        self._branch: Branch | None = None
        self._payload_end = 0
        self._savepoints: dict[str, Savepoint] = {}
        self._reset()
        self._handlers = self._all_handlers()

    def _counted(self, emit: Callable[[Transaction], None]) -> Callable[[Transaction], None]:
        def handed_over(transaction: Transaction) -> None:
            self._part_open = not transaction.last
            self.routed = self.routed or bool(transaction.pieces)
            emit(transaction)

        return handed_over

    def _all_handlers(self) -> list[Callable[[Event], None]]:
        handlers: list[Callable[[Event], None]] = [self._unknown] * 256
        found: dict[int, Callable[[Event], None]] = {
            **dict.fromkeys(_NOT_OURS, self._ignore),
            **dict.fromkeys(events.ROWS, self._rows),
            **dict.fromkeys(events.MARIADB_ROWS_COMPRESSED, self._compressed_rows),
            events.GTID: self._gtid,
            events.ANONYMOUS_GTID: self._anonymous_gtid,
            events.GTID_TAGGED: self._tagged_gtid,
            events.MARIADB_GTID: self._mariadb_gtid,
            events.TABLE_MAP: self._table_map,
            events.QUERY: self._query,
            events.MARIADB_QUERY_COMPRESSED: self._compressed_query,
            events.EXECUTE_LOAD_QUERY: self._load_query,
            events.XID: self._xid,
            events.XA_PREPARE: self._xa_prepare,
            events.TRANSACTION_PAYLOAD: self._payload,
            events.ROTATE: self._rotate,
            events.FORMAT_DESCRIPTION: self._format_description,
            events.STOP: self._moved,
            events.PREVIOUS_GTIDS: self._previous_gtids,
            events.MARIADB_GTID_LIST: self._moved,
            events.MARIADB_BINLOG_CHECKPOINT: self._moved,
            events.HEARTBEAT: self._heartbeat,
            events.HEARTBEAT_V2: self._heartbeat,
            events.INCIDENT: self._incident,
        }
        for kind, handler in found.items():
            handlers[kind] = handler
        return handlers

    # --- what the source calls

    def feed(self, packets: Sequence[bytes]) -> None:
        """Take packets that have an OK status byte. Raises Fatal errors for what cannot be replicated."""
        read, plain, handlers = self._reader.read, self._reader.plain, self._handlers
        at, count = 0, len(packets)
        while at < count:
            if not self._in_transaction and (found := plain(packets, at)) is not None and self._plain(found):
                at += found.packets
                continue
            event = read(packets[at])
            handlers[event.kind](event)
            at += 1

    def settle(self) -> None:
        """All that has arrived is fed: report how far the log was read, if nothing else has."""
        if self._in_transaction:
            return
        reached = (self._number, self._offset)
        if reached > self._reported:
            self._reported = reached
            self._assembler.idle(self.boundary)

    @property
    def inside(self) -> bool:
        """Whether a transaction has begun that has not ended."""
        return self._in_transaction

    @property
    def boundary(self) -> BinlogPosition:
        """Where the last transaction ended, or what came behind it."""
        return BinlogPosition(self._file, self._offset, self._gtid_text)

    @property
    def place(self) -> str:
        """Where the stream is, for error messages."""
        return f"{self._file}:{self._offset}"

    # --- transactions

    def _reset(self) -> None:
        self._in_transaction = False
        self._explicit = False
        self._pending: tuple[str, int] | tuple[int, int, int] | None = None
        self._commit_time: float | None = None

    def _begin(self, event: Event, *, explicit: bool = False) -> None:
        if self._in_transaction:
            self._broke_off()
        self._in_transaction = True
        self._explicit = explicit
        self._commit_time = None
        self._start = self._end(event.end) - event.size
        self._tables.clear()
        self._assembler.begin()

    def _broke_off(self) -> None:
        """A log that stops inside a transaction (a crash) never committed it; parts handed over must be undone."""
        if self._part_open:
            raise SourceUnavailable(f"the log broke off inside a transaction at {self.place}")
        self._branch = None
        self._savepoints.clear()
        self._reset()

    def _end(self, low: int) -> int:
        """The whole offset from its low 32 bits; files pass 4 GiB when one transaction is that large."""
        end = (self._offset & ~0xFFFFFFFF) | low
        return end + (1 << 32) if end < self._offset - (1 << 31) else end

    def _plain(self, found: Plain) -> bool:
        """Hand over a transaction at one go; False for one that needs a closer look, of which nothing is taken then."""
        _, gtid, table_map, kind, rows, end, seconds = found
        known = self._known.get(table_map)
        if known is None or known[1] == _OWN:
            return False
        body, time = gtid[20:-4], None
        if gtid[5] == events.GTID:
            source, number, time = events.gtid(body)
            self._pending = (_uuid(source), number)
        else:
            domain, number, _ = events.mariadb_gtid(body)
            self._pending = (domain, int.from_bytes(gtid[6:10], "little"), number)
        table = known[2]
        message = b"" if table is None else _PREFIXES[kind] + rows
        position = self._reach(end)
        self._pending = None
        self._assembler.whole(table, message, position, float(seconds) if time is None else time)
        return True

    def _reach(self, end: int) -> BinlogPosition:
        """The position behind a commit that ends there."""
        self._offset = self._end(end)
        if self._pending is not None and self._gtids is not None:
            self._gtid_text = self._gtids.add(*self._pending)
        self._reported = (self._number, self._offset)
        return BinlogPosition(self._file, self._offset, self._gtid_text)

    def _commit(self, event: Event) -> None:
        position = self._reach(self._payload_end or event.end)
        time = self._commit_time
        self._assembler.commit(position, float(event.seconds) if time is None else time)
        if self._savepoints:
            self._savepoints.clear()
        self._branch = None
        self._in_transaction = self._explicit = False
        self._pending = None

    def _gtid(self, event: Event) -> None:
        self._begin(event)
        source, number, self._commit_time = events.gtid(event.body)
        self._pending = (_uuid(source), number)

    def _anonymous_gtid(self, event: Event) -> None:
        self._begin(event)
        self._pending = None
        self._commit_time = events.gtid(event.body)[2]

    def _tagged_gtid(self, event: Event) -> None:
        self._begin(event)
        source, number, self._commit_time = events.tagged_gtid(event.body)
        self._pending = (source, number)

    def _mariadb_gtid(self, event: Event) -> None:
        domain, number, flags = events.mariadb_gtid(event.body)
        self._begin(event, explicit=not flags & events.MARIADB_STANDALONE)
        self._pending = (domain, event.server, number)
        if flags & events.MARIADB_PREPARED_XA:
            self._branch = Branch(events.mariadb_xid(event.body), self._file, self._start)

    def _xid(self, event: Event) -> None:
        self._commit(event)

    # --- rows

    def _table_map(self, event: Event) -> None:
        body = event.body
        known = self._known.get(body)
        if known is None:
            known = self._new_table_map(body)
        table_id, use, table = known
        self._tables[table_id] = (use, table)
        if self._branch is not None and use:
            self._branches.hold(self._branch, events.TABLE_MAP, body)

    def _new_table_map(self, body: bytes) -> tuple[int, int, Table | None]:
        found = self._maps.define(body)
        name = (found.schema, found.name)
        use = _OWN if found.schema == echo.SCHEMA else _WANTED if self._wanted(name) else _UNWANTED
        if len(self._known) >= _KNOWN_MAPS:
            self._known.clear()
        if use == _WANTED:
            self._schemas.add(found.schema)
        known = (found.table_id, use, found.table() if use else None)
        self._known[body] = known
        return known

    def _rows(self, event: Event) -> None:
        body = event.body
        table_id = int.from_bytes(body[:6], "little")
        found = self._tables.get(table_id)
        if found is None:
            self._rows_without_table(table_id)
            return
        use, table = found
        if table is None:
            self._assembler.skipped()
        elif self._branch is not None:
            self._branches.hold(self._branch, event.kind, body)
        elif use == _OWN:
            self._assembler.own(table, _PREFIXES[event.kind] + body)
        else:
            if self._assembler.dropping:
                self._assembler.skipped()
            else:
                self._assembler.rows(table, _PREFIXES[event.kind] + body)

    def _rows_without_table(self, table_id: int) -> None:
        if table_id != _NO_TABLE:
            raise DecodeError(f"rows for table id {table_id} came without a table map before {self.place}")

    def _compressed_rows(self, event: Event) -> None:
        kind, body = compression.decompressed_rows(event.kind, event.body)
        self._rows(event._replace(kind=kind, body=body))

    def _payload(self, event: Event) -> None:
        """The events of a compressed transaction; they have no position of their own."""
        self._payload_end = event.end
        try:
            for inner in compression.payload(event.body):
                self._handlers[inner.kind](inner)
        finally:
            self._payload_end = 0

    # --- statements

    def _query(self, event: Event) -> None:
        text = events.query_text(event.body)
        if text == b"BEGIN":
            if not self._in_transaction:
                self._begin(event)
                self._pending = None
            self._explicit = True
        elif text == b"COMMIT":
            self._commit(event)
        else:
            self._statement(event, events.query(event.body))

    def _compressed_query(self, event: Event) -> None:
        self._query(event._replace(body=compression.decompressed_query(event.body)))

    def _load_query(self, event: Event) -> None:
        self._statement(event, events.query(event.body, load=True))

    def _statement(self, event: Event, query: events.Query) -> None:
        if not self._in_transaction:
            self._begin(event)
            self._pending = None
        if query.text.startswith(b"# Dum"):
            raise DecodeError(f"the server replaced an event that it takes us not to know, before {self.place}")
        statement = statements.read(self._decoded(query), query.schema, query.sql_mode)
        match statement:
            case statements.Control():
                self._control(event, statement)
                return
            case statements.Xa():
                self._xa(event, statement)
                return
            case statements.Truncation(table):
                self._truncation(self._cased(table))
            case statements.RowStatement():
                self._row_statement(statement)
            case statements.SchemaChange():
                self._schema_change(statement)
        if not self._explicit:
            self._commit(event)

    def _decoded(self, query: events.Query) -> str:
        text = query.text
        decode = None
        if query.collation is not None and not text.isascii():
            decode = self._charsets.decoder(self._charsets.collation(query.collation).charset)
        try:
            return (decode(text) if decode else text).decode("utf-8", "surrogateescape")
        except DecodeError:  # raw bytes in a literal: what names tables is read as far as it is text
            return text.decode("utf-8", "surrogateescape")

    def _cased(self, table: TableName) -> TableName:
        return (table[0].lower(), table[1].lower()) if self._lower_case else table

    def _control(self, event: Event, control: statements.Control) -> None:
        match control.verb:
            case "BEGIN":
                self._explicit = True
            case "COMMIT":
                self._commit(event)
            case "SAVEPOINT" | "ROLLBACK TO" if self._branch is not None:
                self._branches.hold(self._branch, event.kind, event.body)
            case "SAVEPOINT":
                self._savepoints[control.savepoint] = self._assembler.savepoint()
            case "ROLLBACK TO":
                savepoint = self._savepoints.get(control.savepoint)
                self._undone(savepoint is not None and self._assembler.rollback_to(savepoint))
            case _:
                self._undone(not self._part_open)
                self._assembler.begin()
                self._assembler.skipped()
                self._commit(event)

    def _undone(self, possible: bool) -> None:
        """A rollback in the log undoes what stands before it: non-transactional rows have transactions of their own."""
        if not possible:
            raise LogUnusable(
                f"a transaction was rolled back in the log after more of it than memory holds, before {self.place}",
                hint="run setup and repair for this pipeline; smaller transactions between SAVEPOINT and ROLLBACK TO "
                "avoid it",
            )

    def _truncation(self, table: TableName) -> None:
        if self._wanted(table):
            self._assembler.truncate(Truncate((table,)))
        else:
            self._assembler.skipped()

    def _row_statement(self, statement: statements.RowStatement) -> None:
        tables = None if statement.tables is None else [self._cased(table) for table in statement.tables]
        touched = [table for table in tables or () if self._wanted(table)]
        if tables is None or touched:
            names = ", ".join(f"{schema}.{name}" for schema, name in touched) or "tables that cannot be told"
            raise LogUnusable(
                f"row changes of {names} were logged as a statement ({statement.verb}) before {self.place}",
                hint=STATEMENT_HINT,
            )
        self._assembler.skipped()

    def _schema_change(self, change: statements.SchemaChange) -> None:
        self._assembler.skipped()
        for happened, table in change.events:
            cased = self._cased(table)
            if self._wanted(cased) if cased[1] else cased[0] in self._schemas:
                self._report(happened, cased)

    # --- XA

    def _xa(self, event: Event, xa: statements.Xa) -> None:
        match xa.verb:
            case "START":
                self._explicit = True
                self._branch = Branch(xa.xid, self._file, self._start)
            case "COMMIT":
                self._decided(xa.xid)
                self._commit(event)
            case "ROLLBACK":
                self._branches.decided(xa.xid)
                self._assembler.skipped()
                self._commit(event)
            case _:
                return

    def _xa_prepare(self, event: Event) -> None:
        xid, one_phase = events.xa_prepare(event.body)
        branch, self._branch = self._branch, None
        if branch is None or branch.xid != xid:
            raise DecodeError(f"an XA PREPARE without its XA START came before {self.place}")
        if one_phase:
            self._replay(branch)
        else:
            self._branches.prepared(branch)
            self._assembler.skipped()
        self._commit(event)

    def _decided(self, xid: events.Xid) -> None:
        branch = self._branches.decided(xid)
        if branch is None:
            branch = self._branch_reader.find(xid, self._file, self._start)
        self._replay(branch)

    def _replay(self, branch: Branch) -> None:
        """Let the rows of a branch through as if they stood here."""
        self._tables.clear()
        found: Iterable[tuple[int, bytes]] = branch.events or ()
        if branch.events is None:
            found = self._branch_reader.read(branch)
        for kind, body in found:
            self._handlers[kind](Event(kind, 0, 0, 0, 0, body, 0))

    # --- files and idleness

    def _rotate(self, event: Event) -> None:
        file, offset = events.rotation(event.body)
        if file != self._file:
            if self._in_transaction:
                self._broke_off()
            self._tables.clear()
            self._known.clear()  # table ids start anew with a restarted server
            self._file, self._offset = file, offset
            self._number = BinlogPosition(file, offset).sequence[0]

    def _format_description(self, event: Event) -> None:
        if self._in_transaction:
            self._broke_off()
        self._moved(event)

    def _moved(self, event: Event) -> None:
        if event.end:
            self._offset = max(self._offset, self._end(event.end))

    def _previous_gtids(self, event: Event) -> None:
        """A file that we read from its start says what came before it: from here on positions have GTIDs."""
        if self._gtids is None and self._end(event.end) > self._offset:
            found = MysqlGtids.decode(event.body)
            if str(found):
                self._gtids, self._gtid_text = found, str(found)
        self._moved(event)

    def _heartbeat(self, event: Event) -> None:
        file, offset = events.heartbeat(event)
        if file != self._file or self._in_transaction:
            return
        self._offset = max(self._offset, offset if event.kind == events.HEARTBEAT_V2 else self._end(offset))

    # --- what is not read

    def _ignore(self, event: Event) -> None:
        pass

    def _incident(self, event: Event) -> None:
        raise LogGone(f"the server logged an incident before {self.place}: changes may be missing from its log")

    def _unknown(self, event: Event) -> None:
        if not event.flags & events.IGNORABLE_FLAG:
            raise DecodeError(f"event type {event.kind} before {self.place} is not known to this version")
