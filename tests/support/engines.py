"""What differs between the database engines in the tests: settings, first accounts, connections, quoting.

Every server runs with the log settings that replication needs and with a system time zone that is not UTC and has
daylight saving, so that a value which takes a detour through local time does not survive.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import psycopg
import pymysql
from pymysql.constants import CLIENT

Engine: TypeAlias = Literal["postgres", "mysql", "mariadb"]
AdminConnection: TypeAlias = "psycopg.Connection[Any] | pymysql.connections.Connection"

ENGINES: tuple[Engine, ...] = ("postgres", "mariadb", "mysql")
TIME_ZONE = "America/Chicago"
ADMIN_PASSWORD = "cdc-test"
CONNECT_SECONDS = 10
_PORTS = (15_000, 32_000)

_POSTGRES_SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "50",
    "max_replication_slots": "50",
    "max_connections": "200",
    "timezone": TIME_ZONE,
    "log_timezone": TIME_ZONE,
}
_MYSQL_SETTINGS = {
    "log-bin": "binlog",
    "binlog-format": "ROW",
    "binlog-row-image": "FULL",
    "binlog-row-metadata": "FULL",
    "local-infile": "ON",
    "innodb-flush-log-at-trx-commit": "1",
    "sync-binlog": "1",
    "max-connections": "500",
    "max-binlog-size": "64M",
    "loose-binlog-expire-logs-seconds": "7200",  # MariaDB 10.5 does not know it
}
_GTID_SETTINGS = {"gtid-mode": "ON", "enforce-gtid-consistency": "ON"}


def admin_user(engine: Engine) -> str:
    """The account that may do everything."""
    return "postgres" if engine == "postgres" else "root"


def port_inside(engine: Engine) -> int:
    """The port on which a container of this engine listens."""
    return 5432 if engine == "postgres" else 3306


def arguments(engine: Engine, extra: Mapping[str, str]) -> list[str]:
    """The server's command line: what replication needs, overridden by `extra`, under the server's own names."""
    if engine == "postgres":
        return [word for item in (_POSTGRES_SETTINGS | dict(extra)).items() for word in ("-c", "=".join(item))]
    settings = _MYSQL_SETTINGS | (_GTID_SETTINGS if engine == "mysql" else {})
    settings |= {"server-id": str(random.SystemRandom().randint(1, 2**31))}
    settings |= {name.replace("_", "-"): value for name, value in extra.items()}
    return [f"--{name}={value}" for name, value in settings.items()]


def connect(
    engine: Engine, host: str, port: int, *, user: str, password: str, database: str | None = None, **options: Any
) -> AdminConnection:
    """An autocommit connection with the server's own zone and mode; on MySQL it takes several statements at once."""
    if engine == "postgres":
        return psycopg.connect(
            host=host,
            port=port,
            user=user,
            password=password,
            dbname=database or "postgres",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            **options,
        )
    return pymysql.connect(
        host=host,
        port=port,
        user=user,
        password=password,
        database=database,
        autocommit=True,
        charset="utf8mb4",
        connect_timeout=CONNECT_SECONDS,
        client_flag=CLIENT.MULTI_STATEMENTS,
        **{"ssl_disabled": True, **options},  # PyMySQL reads all of the system's certificates for each connection
    )


def run(connection: AdminConnection, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Run one statement or, without parameters, a script; the rows of the last result, which may be none."""
    if isinstance(connection, psycopg.Connection):
        return _run_postgres(connection, sql, parameters)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = list(cursor.fetchall())
        while cursor.nextset():
            rows = list(cursor.fetchall())
    return [tuple(row) for row in rows]


def _run_postgres(connection: psycopg.Connection[Any], sql: str, parameters: Any) -> list[tuple[Any, ...]]:
    cursor = connection.execute(sql.encode(), parameters)
    while cursor.nextset():
        pass
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def quote(engine: Engine, identifier: str) -> str:
    """The identifier in the engine's own quotes."""
    mark = '"' if engine == "postgres" else "`"
    return mark + identifier.replace(mark, mark * 2) + mark


def exact_version(connection: AdminConnection) -> str:
    """The server's own account of its version."""
    return str(run(connection, "SELECT version()")[0][0])


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on at this moment.

    It is none of those that the kernel gives to connections, so a server that is stopped finds it free again.
    """
    while True:
        port = random.SystemRandom().randrange(*_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
