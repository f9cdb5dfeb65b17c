"""The replication connection: asks a server for its log and takes the packets from the socket.

In: where to begin. Out: lists of packets, as they arrive. `pymysqlreplication` sets the session up and sends the
request; its event objects are not made. MySQL's GTID request is our own: the library knows no tagged GTIDs, and the
flag that it sets means "leave tagged GTIDs out" to MySQL 8.3 and newer.

A connection that breaks raises SourceUnavailable, always: it never reconnects by itself (the library would, from the
*first* position) and never takes the end of the stream for the end of the log.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import pymysql
from pymysqlreplication import binlogstream

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql.connection import Session, connect, translate
from cdc_agent.errors import AgentError, DecodeError, LogGone, LogUnusable, ServerIdTaken, SourceUnavailable
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.mysql.gtid import MysqlGtids
from cdc_agent.sources.mysql.packets import PacketSplitter

HEARTBEAT_SECONDS: Final = 1.0
"""How often an idle server says that it is alive, and how far its log reaches."""
SILENCE_SECONDS: Final = 30.0
"""Without even a heartbeat for this long, the connection counts as dead."""
_POLL_SECONDS: Final = 0.25
_WRITE_TIMEOUT: Final = 86_400
"""Seconds that the server waits for a slow target before it drops the dump; its default is 60."""
_RECEIVE_BYTES: Final = 128 * 1024
_LARGEST_START: Final = 0xFFFFFFFF

_COM_BINLOG_DUMP: Final = 0x12
_COM_BINLOG_DUMP_GTID: Final = 0x1E
_NON_BLOCKING: Final = 1
_HEARTBEAT_V2: Final = 2

_OK, _EOF, _ERROR = 0x00, 0xFE, 0xFF
_READING_THE_LOG: Final = 1236

binlogstream.MYSQL_EXPECTED_ERROR_CODES = []  # a broken connection must never be reopened by the library


Check = Callable[[Session], None]
"""Whether the server that answered is the right one; raises what a dump of it should raise."""


class Dump:
    """One dump connection. Read by one thread; `close` may be called by any."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._splitter = PacketSplitter()
        line: Any = session._sock
        self._line: socket.socket = line
        self._line.settimeout(_POLL_SECONDS)
        self._closed = False
        self._silent = 0.0

    @classmethod
    def from_gtids(
        cls, database: Database, purpose: str, server_id: int, gtids: str, *, mariadb: bool, check: Check
    ) -> Dump:
        """Everything that is not in `gtids`, a set of MySQL or a position of MariaDB."""
        session = _session(database, purpose)
        with _asking(session):
            check(session)
            if mariadb:
                _request(session, server_id, auto_position=gtids, is_mariadb=True)
            else:
                _command(session, _gtid_request(server_id, MysqlGtids(gtids)))
        return cls(session)

    @classmethod
    def from_place(
        cls, database: Database, purpose: str, server_id: int, place: BinlogPosition, *, check: Check
    ) -> Dump:
        """Everything from a file's offset on. Raises LogUnusable for an offset that the protocol cannot name."""
        _checked_offset(place)
        session = _session(database, purpose)
        with _asking(session):
            check(session)
            _request(session, server_id, log_file=place.file, log_pos=place.offset)
        return cls(session)

    @classmethod
    def of_what_is_there(cls, database: Database, purpose: str, place: BinlogPosition) -> Dump:
        """From a file's offset to the present end of the log, beside other dumps: server id 0 disturbs none."""
        _checked_offset(place)
        session = _session(database, purpose)
        request = struct.pack("<BIHI", _COM_BINLOG_DUMP, place.offset, _NON_BLOCKING, 0) + place.file.encode()
        _command(session, request)
        return cls(session)

    def packets(self) -> list[bytes]:
        """What has arrived; empty when nothing did within a quarter of a second.

        Raises SourceUnavailable when the connection is cut or silent, LogGone when the log is not there, ServerIdTaken
        when another replica came with our id.
        """
        try:
            data = self._line.recv(_RECEIVE_BYTES)
        except TimeoutError:
            self._silent += _POLL_SECONDS
            if self._silent >= SILENCE_SECONDS:
                raise SourceUnavailable(f"the source's log stream was silent for {SILENCE_SECONDS:.0f} s") from None
            return []
        except OSError as error:
            raise self._cut() from error
        self._silent = 0.0
        if not data:
            raise self._cut()
        packets = self._splitter.feed(data)
        if any(packet[0] for packet in packets):
            raise self._ended(packets)
        return packets

    def whole(self) -> Iterator[bytes]:
        """Every packet up to the end that a dump of what is there has."""
        while True:
            for packet in self._received():
                if packet[0] == _EOF:
                    return
                yield packet

    def _received(self) -> list[bytes]:
        try:
            return self.packets()
        except _EndOfLog as end:
            return [*end.packets, bytes((_EOF,))]

    def _ended(self, packets: list[bytes]) -> AgentError:
        index = next(index for index, packet in enumerate(packets) if packet[0] != _OK)
        packet = packets[index]
        if packet[0] == _EOF:
            return _EndOfLog(packets[:index])
        if packet[0] == _ERROR:
            return _reported(packet)
        return DecodeError(f"a packet of the log stream has status {packet[0]}, which this version does not know")

    def ready(self) -> bool:
        """Whether more has arrived already."""
        line = self._line
        pending = getattr(line, "pending", None)
        if pending is not None and pending():
            return True
        try:
            return bool(select.select([line], [], [], 0)[0])
        except (OSError, ValueError):
            return True  # closed: the next read says so

    def _cut(self) -> SourceUnavailable:
        return SourceUnavailable("the source closed the log stream" if not self._closed else "the log stream is closed")

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Drop the connection without a farewell, which a server that is sending would not read."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._session._force_close()


class _EndOfLog(SourceUnavailable):
    """An EOF packet: a server that is shutting down sends one; never the end of the log."""

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__("the source ended the log stream")
        self.packets = packets


def _checked_offset(place: BinlogPosition) -> None:
    if place.offset > _LARGEST_START:
        raise LogUnusable(
            f"the log cannot be read from {place.file}:{place.offset}: the protocol names offsets up to 4 GiB",
            hint="turn on GTIDs on the source (gtid_mode = ON), or run FLUSH BINARY LOGS after huge transactions",
        )


def _session(database: Database, purpose: str) -> Session:
    session = connect(database, purpose=purpose, unavailable=SourceUnavailable)
    try:
        with session.cursor() as cursor:
            cursor.execute(
                "SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, "
                "@source_binlog_checksum = @@GLOBAL.binlog_checksum, @mariadb_slave_capability = 4, "
                "@master_heartbeat_period = %s, @source_heartbeat_period = %s",
                (int(HEARTBEAT_SECONDS * 1e9),) * 2,
            )
            cursor.execute("SET SESSION net_write_timeout = %s, SESSION net_read_timeout = %s", (_WRITE_TIMEOUT,) * 2)
    except pymysql.MySQLError as error:
        session.close()
        raise _translated(error) from error
    return session


@contextlib.contextmanager
def _asking(session: Session) -> Iterator[None]:
    """Close the session when what is asked of it fails."""
    try:
        yield
    except pymysql.MySQLError as error:
        session.close()
        raise _translated(error) from error
    except AgentError:
        session.close()
        raise


def _request(session: Session, server_id: int, **where: Any) -> None:
    """Let the library ask for the log over our session; `_connect_to_stream` is all of it that is used."""
    reader: Any = binlogstream.BinLogStreamReader(
        connection_settings={},
        server_id=server_id,
        blocking=True,
        resume_stream=True,
        slave_heartbeat=HEARTBEAT_SECONDS,
        enable_logging=False,
        report_slave="cdc-agent",
        pymysql_wrapper=lambda **settings: session,
        **where,
    )
    reader._BinLogStreamReader__connect_to_stream()


def _gtid_request(server_id: int, gtids: MysqlGtids) -> bytes:
    """https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_binlog_dump_gtid.html"""
    known = gtids.encode()
    head = struct.pack("<BHIIQI", _COM_BINLOG_DUMP_GTID, _HEARTBEAT_V2, server_id, 0, 4, len(known))
    return head + known


def _command(session: Session, payload: bytes) -> None:
    packet: Any = struct.pack("<I", len(payload)) + payload
    session._write_bytes(packet)


def _reported(packet: bytes) -> AgentError:
    """The error in an ERR packet: 0xff, number, '#' and five characters of SQLSTATE, message."""
    number = int.from_bytes(packet[1:3], "little")
    text = packet[3:].decode("utf-8", "replace")
    return _log_error(number, text[6:] if text.startswith("#") else text)


def _log_error(number: int, text: str) -> AgentError:
    """Messages of the dump thread name files, offsets and GTIDs, never row values."""
    if "with the same server" in text:
        return ServerIdTaken(f"another replica connected with our server_id (MySQL error {number})")
    if number == _READING_THE_LOG and "max_allowed_packet" in text:
        return LogUnusable(f"the source cannot send its log: {text}", hint="raise max_allowed_packet on the source")
    if number == _READING_THE_LOG or number in (1373, 1789, 1955):
        return LogGone(f"the source has not got the log that is needed: {text}")
    return translate(pymysql.OperationalError(number, text), "reading the source's log", unavailable=SourceUnavailable)


def _translated(error: pymysql.MySQLError) -> AgentError:
    return translate(error, "asking for the source's log", unavailable=SourceUnavailable)
