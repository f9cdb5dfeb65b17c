"""Connections to MySQL and MariaDB, and which of the two a server is.

A `config.model.Database` in, an open PyMySQL connection out, with every session setting that the text of values
depends on. Errors are translated by `engines.mysql.failures`. Never lets the server choose a file to read: the only
thing that LOAD DATA LOCAL can get from a `Session` is the bytes that the caller gave with the statement.
"""

from __future__ import annotations

import functools
import re
import socket
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import pymysql
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CLIENT

from cdc_agent.config.model import Database, Tls
from cdc_agent.engines.mysql.failures import translate
from cdc_agent.engines.mysql.identifiers import quote, quote_name
from cdc_agent.errors import AgentError, DecodeError, Retryable, TargetUnavailable

__all__ = [
    "Flavor",
    "Server",
    "Session",
    "connect",
    "connection_settings",
    "quote",
    "quote_name",
    "translate",
]

CONNECT_TIMEOUT: Final = 10
"""Seconds until an unanswered connection attempt is given up."""
READ_TIMEOUT: Final = 300
"""Seconds until a server that does not answer a statement counts as gone."""
WRITE_TIMEOUT: Final = 60
"""Seconds until a server that does not take what we send counts as gone."""

SQL_MODE: Final = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
"""Strict, so that nothing is truncated or clamped; zero dates pass, since MySQL's own sources hold them and the
route's policy has decided already; a zero in an AUTO_INCREMENT column stays zero; backslash escapes and plain
double quotes as `encoding` writes literals."""

_CHUNK: Final = 256 * 1024
"""Bytes in a packet of LOAD DATA LOCAL input."""


class Flavor(StrEnum):
    MYSQL = "mysql"
    MARIADB = "mariadb"


@dataclass(frozen=True, slots=True)
class Server:
    """What the handshake says of a server."""

    flavor: Flavor
    version: tuple[int, int, int]
    text: str
    """The server's own spelling of its version."""

    @property
    def is_mariadb(self) -> bool:
        return self.flavor is Flavor.MARIADB


def parse_server(text: str) -> Server:
    """Read the version of a handshake: ``8.4.3`` or ``5.5.5-10.11.19-MariaDB-log`` (the prefix is for old replicas).

    Raises DecodeError when it is no version.
    """
    mariadb = "mariadb" in text.lower()
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text.removeprefix("5.5.5-") if mariadb else text)
    if match is None:
        raise DecodeError(f"the server's version is not readable: {text!r}")
    version = (int(match[1]), int(match[2]), int(match[3]))
    return Server(Flavor.MARIADB if mariadb else Flavor.MYSQL, version, text)


class Session(Connection):
    """A PyMySQL connection that knows its server and feeds LOAD DATA LOCAL from memory."""

    _input: bytes | None = None

    @property
    def server(self) -> Server:
        return parse_server(self.get_server_info())

    def load(self, statement: str, data: bytes) -> int:
        """Run a LOAD DATA LOCAL statement with `data` as its file, whatever name it gives; returns the rows read."""
        self._input = data
        try:
            return int(self.query(statement) or 0)
        finally:
            self._input = None

    def stream(self, statement: str) -> Generator[tuple[Any, ...]]:
        """The rows of a statement one by one, as the server sends them; nothing else may be asked meanwhile.

        Closed early, it drops the connection: the server would send all that is left.
        """
        self.query(statement, unbuffered=True)
        result: Any = self._result
        try:
            while (row := result._read_rowdata_packet_unbuffered()) is not None:
                yield row
        finally:
            if result.unbuffered_active:
                result.unbuffered_active = False
                self._force_close()

    @property
    def warning_count(self) -> int:
        """The warnings that the last statement gave."""
        return int(self._result.warning_count) if self._result is not None else 0

    def _read_query_result(self, unbuffered: bool = False) -> int:
        """As PyMySQL does, but with a result that answers LOAD DATA LOCAL from memory."""
        self._result = None
        result = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return int(result.affected_rows or 0)

    def _create_ssl_ctx(self, settings: Any) -> ssl.SSLContext:
        """Without `tls` no certificate is verified, and loading the system's for it costs 60 ms a connection."""
        context: ssl.SSLContext = super()._create_ssl_ctx(settings) if settings else _unverified()
        return context

    def _input_packets(self) -> list[memoryview]:
        if self._input is None:
            return []
        whole = memoryview(self._input)
        return [whole[start : start + _CHUNK] for start in range(0, len(whole), _CHUNK)]


@functools.cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Result(MySQLResult):
    def _read_load_local_packet(self, first_packet: Any) -> None:
        """Send the session's input, never a file: the name in the server's request is not looked at.

        https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_local_infile_request.html
        """
        session = self.connection
        for chunk in session._input_packets():
            session.write_packet(bytes(chunk))
        session.write_packet(b"")
        self._read_ok_packet(session._read_packet())


def connection_settings(
    database: Database,
    *,
    purpose: str,
    autocommit: bool = True,
    read_timeout: float | None = READ_TIMEOUT,
) -> dict[str, Any]:
    """The keyword arguments for PyMySQL; also what `BinLogStreamReader` wants as its connection settings."""
    return {
        "host": database.host,
        "port": database.port,
        "user": database.user,
        "password": database.secret.encode(),
        "database": database.name or None,
        "charset": "utf8mb4",
        "sql_mode": SQL_MODE,
        "init_command": "SET time_zone = '+00:00'",
        "autocommit": autocommit,
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": read_timeout,
        "write_timeout": WRITE_TIMEOUT,
        "program_name": f"cdc-agent {purpose}",
        **_tls(database.tls),
    }


def connect(
    database: Database,
    *,
    purpose: str,
    autocommit: bool = True,
    read_timeout: float | None = READ_TIMEOUT,
    local_infile: bool = False,
    found_rows: bool = False,
    unavailable: type[Retryable] = TargetUnavailable,
) -> Session:
    """Open a connection in UTC, utf8mb4 and strict mode.

    With `found_rows` an UPDATE counts the rows that it matched, not those that it changed. Raises `unavailable` when
    the server cannot be reached, PrivilegeMissing when it refuses the user.
    """
    settings = connection_settings(database, purpose=purpose, autocommit=autocommit, read_timeout=read_timeout)
    flags = CLIENT.FOUND_ROWS if found_rows else 0
    try:
        session = Session(**settings, local_infile=local_infile, client_flag=flags)
    except (pymysql.MySQLError, OSError) as error:
        raise _unreachable(error, database, unavailable) from error
    _watch_the_line(session)
    return session


def _unreachable(error: pymysql.MySQLError | OSError, database: Database, unavailable: type[Retryable]) -> AgentError:
    """The system's or TLS's own reason is told as well: it names host, port and certificates, never the password."""
    place = f"{database.host}:{database.port}"
    reason = error if isinstance(error, OSError) else getattr(error, "original_exception", None)
    if reason is not None:
        return unavailable(f"cannot connect to {place}", details=[str(reason)])
    assert isinstance(error, pymysql.MySQLError)
    return translate(error, f"connecting to {place}", unavailable=unavailable)


def _watch_the_line(session: Session) -> None:
    """Let the kernel notice a peer that is gone within about a minute, also while a statement runs."""
    line: Any = session._sock
    if line.family not in (socket.AF_INET, socket.AF_INET6):
        return
    for option, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 60_000),
    ):
        if hasattr(socket, option):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _tls(tls: Tls | None) -> dict[str, Any]:
    """PyMySQL's arguments: without `tls` encrypted where the server offers it, unverified (as libpq's ``prefer``)."""
    if tls is None:
        return {}
    if tls.mode == "disable":
        return {"ssl_disabled": True}
    context = ssl.create_default_context(cafile=tls.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # MySQL's own generated certificates do not pass it
    context.check_hostname = tls.mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if tls.mode == "require" else ssl.CERT_REQUIRED
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return {"ssl": context}
