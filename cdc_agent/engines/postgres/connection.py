"""Connections to PostgreSQL, and its errors translated into the agent's.

A `config.model.Database` in, an open psycopg connection out, with every session setting that the canonical text of
values depends on. Never puts a secret or a row value into a message: of a server's error only the SQLSTATE, the
primary message's table, column and constraint names are kept; its text and DETAIL may quote rows and are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import errors as pg
from psycopg import pq

from cdc_agent.config.model import Database
from cdc_agent.errors import (
    AgentError,
    DatabaseFault,
    PrivilegeMissing,
    Retryable,
    RowRefused,
    TargetSchemaError,
    TargetUnavailable,
    TransactionAborted,
)

CONNECT_TIMEOUT: Final = 10
"""Seconds until an unanswered connection attempt is given up."""

SESSION: Final = {
    "timezone": "UTC",
    "datestyle": "ISO,YMD",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "xmloption": "content",
    "search_path": "pg_catalog",
    "standard_conforming_strings": "on",
    "row_security": "off",
}
"""What canonical text depends on; sent with the startup packet, so that it costs no round trip."""


def connect(
    database: Database,
    *,
    autocommit: bool = True,
    replication: bool = False,
    purpose: str,
    unavailable: type[Retryable] = TargetUnavailable,
    settings: Mapping[str, str] | None = None,
) -> psycopg.Connection[Any]:
    """Open a connection whose values come as canonical text.

    `replication` opens a logical replication connection (``replication=database``); `settings` are further ones of the
    session. Raises `unavailable` when the server cannot be reached or refuses the connection.
    """
    parameters = _parameters(database, purpose, {**SESSION, **(settings or {})})
    if replication:
        parameters["replication"] = "database"
    try:
        return psycopg.connect(autocommit=autocommit, **parameters)
    except psycopg.Error as error:
        raise _unreachable(error, database, unavailable) from error


def _parameters(database: Database, purpose: str, session: dict[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "host": database.host,
        "port": database.port,
        "user": database.user,
        "dbname": database.name,
        "application_name": f"cdc-agent {purpose}",
        "client_encoding": "UTF8",
        "connect_timeout": CONNECT_TIMEOUT,
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        **_tls(database),
    }
    if database.secret:
        parameters["password"] = database.secret
    return parameters


def _tls(database: Database) -> dict[str, str]:
    if database.tls is None:
        return {"sslmode": "prefer"}
    tls = database.tls
    files = {"sslrootcert": tls.ca, "sslcert": tls.cert, "sslkey": tls.key}
    found = {name: path for name, path in files.items() if path is not None}
    if tls.mode == "verify-full" and tls.ca is None:
        found["sslrootcert"] = "system"
    return {"sslmode": tls.mode, **found}


def _unreachable(error: psycopg.Error, database: Database, unavailable: type[Retryable]) -> AgentError:
    """A failed connection has no SQLSTATE; libpq's text names host, port and user, never the password."""
    reasons = [line.strip() for line in str(error).splitlines() if line.strip()]
    return unavailable(f"cannot connect to {database.host}:{database.port}", details=reasons[:4])


_REFUSED: Final = ("22", "23", "44", "21", "54", "P0")
_ABORTED: Final = ("40", "55P03", "55006", "57014")
_UNAVAILABLE: Final = ("08", "57", "53", "58", "25006", "25P03", "25P04")
_PRIVILEGE: Final = ("42501", "28")
_SCHEMA: Final = ("42", "3F", "3D", "0A", "2B")


def translate(error: psycopg.Error, doing: str, *, unavailable: type[Retryable] = TargetUnavailable) -> AgentError:
    """The agent's error for a driver's error; `doing` says what was tried, in words: ``writing to public.t``.

    https://www.postgresql.org/docs/current/errcodes-appendix.html lists the SQLSTATE classes.
    """
    state = error.sqlstate
    if state is None:
        return _without_state(error, doing, unavailable)
    kind = _kind(state, unavailable)
    return kind(f"{doing}: {_describe(error, state)}", details=_names(error))


def lost(error: psycopg.Error, connection: psycopg.Connection[Any] | None = None) -> bool:
    """Whether the connection is gone, so that the outcome of what was sent last is not known."""
    if connection is not None and connection.pgconn.status != pq.ConnStatus.OK:
        return True
    state = error.sqlstate
    return state.startswith(("08", "57P")) if state else isinstance(error, psycopg.OperationalError)


def _kind(state: str, unavailable: type[Retryable]) -> type[AgentError]:
    if state.startswith(_PRIVILEGE):
        return PrivilegeMissing
    if state.startswith(_ABORTED):
        return TransactionAborted
    if state.startswith(_UNAVAILABLE):
        return unavailable
    if state.startswith(_REFUSED):
        return RowRefused
    if state.startswith(_SCHEMA):
        return TargetSchemaError
    return DatabaseFault


def _without_state(error: psycopg.Error, doing: str, unavailable: type[Retryable]) -> AgentError:
    if isinstance(error, psycopg.DataError):
        return RowRefused(f"{doing}: a value holds a NUL byte, which PostgreSQL cannot store")
    if isinstance(error, psycopg.OperationalError):
        return unavailable(f"{doing}: the connection was lost")
    return DatabaseFault(f"{doing}: {type(error).__name__}")


def _describe(error: psycopg.Error, state: str) -> str:
    try:
        name = pg.lookup(state).__name__
    except KeyError:
        name = "error"
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return f"{words} (SQLSTATE {state})"


def _names(error: psycopg.Error) -> list[str]:
    """Names of things, which hold no values: which table, column, type and constraint."""
    diagnostic = error.diag
    found = []
    if diagnostic.table_name:
        found.append(f"table {diagnostic.schema_name}.{diagnostic.table_name}")
    if diagnostic.column_name:
        found.append(f"column {diagnostic.column_name}")
    if diagnostic.datatype_name:
        found.append(f"type {diagnostic.datatype_name}")
    if diagnostic.constraint_name:
        found.append(f"constraint {diagnostic.constraint_name}")
    return found
