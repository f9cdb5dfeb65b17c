"""The MySQL and MariaDB source: one pipeline's reading end.

`start` compares the server's log with the position and asks for what lies behind it; `read` feeds what arrives to
`stream.Stream` until told to stop. Rows stay undecoded. A position is a GTID set where the server keeps GTIDs, else
file and offset; the stream can be resumed from every position that it emits, which is always the end of a transaction.

There is nothing to acknowledge: the server keeps its log by its own rules, and a log that was purged too early is found
at the next start.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql import foreign_keys
from cdc_agent.engines.mysql.connection import Session, connect
from cdc_agent.engines.mysql.visible import Received
from cdc_agent.errors import LogGone, PositionUnreadable, SourceUnavailable
from cdc_agent.model.changes import Table, TableName
from cdc_agent.model.positions import BinlogPosition, Position
from cdc_agent.model.tables import ForeignKey
from cdc_agent.model.values import Row, Value
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import Emit, ServerIdentity
from cdc_agent.sources.mysql import recognition
from cdc_agent.sources.mysql.derived import DerivedColumns
from cdc_agent.sources.mysql.dump import Check, Dump
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids
from cdc_agent.sources.mysql.rows import Charsets, TableMaps
from cdc_agent.sources.mysql.search import LogSearch
from cdc_agent.sources.mysql.server import SourceServer
from cdc_agent.sources.mysql.sharing import Feed, Readers, readers_of
from cdc_agent.sources.mysql.stream import Stream
from cdc_agent.sources.visible import until_visible
from cdc_agent.tables.mysql import MysqlTables

_T = TypeVar("_T")
_FIRST_PACKET_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 1.0


def server_id(pipeline: str, database: Database) -> int:
    """The replica id to register with: configured, or one of a billion by the names of pipeline and database."""
    if database.server_id is not None:
        return database.server_id
    name = "\x1f".join((pipeline, database.host, str(database.port), database.name))
    return 1 << 30 | int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) >> 2


def _same_server(identity: str) -> Check:
    """Behind an address there may be several: a place in one's log means nothing in another's."""

    def check(session: Session) -> None:
        if SourceServer(session).identity().text != identity:
            raise SourceUnavailable("another server answers at the source's address now")

    return check


class MysqlSource:
    """Implements `sources.base.Source`. `target` is the name of the pipeline's other database, for dropping echoes."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        target: str,
        pipeline: str,
        report: Report,
        named: Callable[[TableName], bool] = lambda table: True,
    ) -> None:
        """`named` tables are routed without a wildcard."""
        self._named = named
        self._database = database
        self._name = name
        self._target = target
        self._pipeline = pipeline
        self._report = report
        self._feed: Feed | None = None
        self._first: list[bytes] = []
        self._stream: Callable[[Emit], Stream] | None = None
        self._closed = False
        self._reading: Stream | None = None
        self._started: Received | None = None
        """What the position covers that was started from."""
        self._visible: Received | None = None
        """What was received and is known to be visible to others."""
        self._asking = threading.Lock()
        """Held while `_tables` is asked."""
        self._tables = MysqlTables(database, f"re-reads rows for {pipeline}", SourceUnavailable)

    # --- asked at any time

    def identity(self) -> ServerIdentity:
        return self._ask(lambda server: server.identity())

    def current_position(self) -> BinlogPosition:
        end = self._ask(lambda server: server.end_of_log())
        return end._replace(seen=recognition.first_event(self._database, f"asks for {self._pipeline}", end.file))

    logs_keys: Final = False

    def unlogged_keys(self, wanted: Callable[[TableName], bool]) -> list[tuple[TableName, ForeignKey]]:
        """All of them; where the server logs what they do (MySQL 9.6 and newer), its row events say so."""
        return self._ask(lambda server: foreign_keys.of_wanted(server.session, wanted, unavailable=SourceUnavailable))

    def reread(self, table: Table, key: Mapping[str, Value]) -> Row | None:
        with self._asking:
            return self._tables.reread(table, key, visible=self._settled())

    def settle(self) -> None:
        with self._asking:
            self._settled()

    def _settled(self) -> bool:
        """Wait until others see what was received; False where the server does not tell."""
        reading = self._reading
        received = self._started if reading is None else reading.received
        if received is None:
            return False
        if received == self._visible:
            return True
        answer: bool | None = None

        def visible() -> bool:
            nonlocal answer
            answer = self._tables.shows(received)
            return answer is not False

        until_visible(visible, lambda: self._closed)
        self._visible = received if answer else None
        return bool(answer)

    # --- reading

    def start(self, position: Position, wanted: Callable[[TableName], bool]) -> None:
        if not isinstance(position, BinlogPosition):
            raise PositionUnreadable(f"{position} is not a position in a MySQL log")
        session = connect(self._database, purpose=f"starts {self._pipeline}", unavailable=SourceUnavailable)
        try:
            self._prepare(SourceServer(session), position, wanted)
        finally:
            session.close()

    def _prepare(self, server: SourceServer, position: BinlogPosition, wanted: Callable[[TableName], bool]) -> None:
        variables = server.check_settings()
        left_out = server.versioned(wanted, self._named)
        gtid_mode = variables.get("gtid_mode", "OFF").upper()
        by_gtid = bool(position.gtid) and (server.mariadb or gtid_mode == "ON")
        if not by_gtid:
            server.check_place(position)
        elif server.mariadb:
            server.check_mariadb_gtids(position)
        else:
            server.check_mysql_gtids(position)
        self._reading, self._started = None, Received(position.gtid, position.sequence)
        self._recognise(server, position)
        gtids = server.known_gtids(position, gtid_mode)
        charsets = Charsets.load(self._ask_rows)
        lower_case = variables.get("lower_case_table_names", "0") != "0"
        self._stream = self._streams(position, gtids, wanted, left_out, charsets, server.mariadb, lower_case)
        known, identity = server.end_of_log(), server.identity().text
        dump = self._dumped(position, by_gtid, server.mariadb, identity)
        readers = self._readers(identity)
        self._feed = Feed(dump, readers, self._opened("for all", identity), self._opened("", identity), known)
        self._first = self._first_packets(dump)

    def _recognise(self, server: SourceServer, position: BinlogPosition) -> None:
        """Raises LogGone when this is not the log that the position was read from."""
        purpose = f"starts {self._pipeline}"
        if found := recognition.against(self._database, purpose, position, server.files()):
            raise LogGone(
                "the source's log is not the one that the checkpoint was read from: it was reset, or the server "
                "restored or replaced",
                details=[f"checkpoint: {position}", found],
            )

    def _streams(
        self,
        position: BinlogPosition,
        gtids: MysqlGtids | MariadbGtids | None,
        wanted: Callable[[TableName], bool],
        left_out: Collection[TableName],
        charsets: Charsets,
        mariadb: bool,
        lower_case: bool,
    ) -> Callable[[Emit], Stream]:
        def make(emit: Emit) -> Stream:
            return Stream(
                emit,
                position=position,
                gtids=gtids,
                wanted=wanted,
                left_out=left_out,
                target=self._target,
                maps=TableMaps(charsets, "mariadb" if mariadb else "mysql", DerivedColumns(self._ask_rows)),
                charsets=charsets,
                branches=LogSearch(self._database, f"reads XA branches for {self._pipeline}", self._files),
                report=self._report,
                lower_case=lower_case,
            )

        return make

    def _dumped(self, position: BinlogPosition, by_gtid: bool, mariadb: bool, identity: str) -> Dump:
        if not by_gtid:
            return self._opened("", identity)(position)
        number, purpose = server_id(self._pipeline, self._database), f"reads {self._pipeline}"
        check = _same_server(identity)
        return Dump.from_gtids(self._database, purpose, number, position.gtid, mariadb=mariadb, check=check)

    def _opened(self, whose: str, identity: str) -> Callable[[BinlogPosition], Dump]:
        """Opens dumps in the middle of this server's log; `whose` sets its replica id apart."""
        name = f"{self._pipeline} {whose}".strip()
        number, purpose = server_id(name, self._database), f"reads {name}"
        check = _same_server(identity)
        return lambda position: Dump.from_place(self._database, purpose, number, position, check=check)

    def _readers(self, identity: str) -> Readers:
        """With a replica id that is given there can be one connection only, which is the pipeline's own."""
        database = self._database
        name = f"{database.user}@{database.host}:{database.port}"
        return readers_of(f"{name} {identity}") if database.server_id is None else Readers(name)

    def _first_packets(self, dump: Dump) -> list[bytes]:
        """The server begins with a made-up event at once, or with the reason why it does not."""
        deadline = time.monotonic() + _FIRST_PACKET_SECONDS
        while time.monotonic() < deadline:
            if packets := dump.packets():
                return packets
        raise SourceUnavailable(f"the source did not begin to send its log within {_FIRST_PACKET_SECONDS:.0f} s")

    def read(self, emit: Emit, stop: Callable[[], bool]) -> None:
        feed, make = self._feed, self._stream
        if feed is None or make is None:
            raise SourceUnavailable("the log stream is not open")
        self._reading = stream = make(emit)
        packets, self._first = self._first, []
        try:
            with feed.readers:
                while not stop():
                    routed = stream.feed(packets)
                    if not feed.ready():
                        stream.settle()
                        if packets and not routed:
                            feed.readers.gather()
                    packets = feed.packets(stream.boundary, inside=stream.inside)
        except SourceUnavailable:
            if not self._closed:
                raise

    def keepalive(self) -> None:
        """Nothing to send: the server waits for us as long as the session's net_write_timeout, which is a day."""

    def acknowledge(self, position: Position) -> None:
        """Nothing to send: a MySQL server keeps its log by its own rules."""

    def close(self) -> None:
        self._closed = True
        if self._feed is not None:
            self._feed.close()
        asked = self._asking.acquire(timeout=_CLOSE_SECONDS)
        self._tables.close()
        if asked:
            self._asking.release()

    # --- questions on connections of their own

    def _ask(self, question: Callable[[SourceServer], _T]) -> _T:
        session = connect(self._database, purpose=f"asks for {self._pipeline}", unavailable=SourceUnavailable)
        try:
            return question(SourceServer(session))
        finally:
            session.close()

    def _ask_rows(self, sql: str, parameters: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        return self._ask(lambda server: server.run(sql, parameters))

    def _files(self) -> list[tuple[str, int]]:
        return self._ask(lambda server: server.files())
