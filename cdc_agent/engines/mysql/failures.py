"""MySQL's and MariaDB's errors translated into the agent's.

A driver's error in, an `errors.AgentError` out. The server's message may quote row values and is never passed on:
kept are the error's number and name, and the key, column, constraint or table that the message ends with.

https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
https://mariadb.com/kb/en/mariadb-error-code-reference/ list the numbers.
"""

from __future__ import annotations

import re
from typing import Final

import pymysql

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

_REFUSED: Final = {
    1048: "a column cannot be NULL",
    1062: "a row with the same unique key exists",
    1105: "a value does not fit",
    1118: "the row is too large",
    1153: "the row is larger than max_allowed_packet",
    1162: "the value is longer than max_allowed_packet",
    1216: "a foreign key's parent is missing",
    1217: "a foreign key's children exist",
    1260: "a value was cut",
    1263: "a column cannot be NULL",
    1264: "a number is out of range",
    1265: "a value does not fit its column",
    1292: "a value is not of its column's type",
    1300: "a text is not valid in its character set",
    1301: "a result is larger than max_allowed_packet",
    1364: "a column without a default got no value",
    1366: "a value is not of its column's type",
    1367: "a number is not valid",
    1406: "a value is too long for its column",
    1411: "a value is not of its function's type",
    1416: "a geometry is not valid",
    1441: "a date is out of range",
    1451: "a foreign key's children exist",
    1452: "a foreign key's parent is missing",
    1525: "a value is not of its column's type",
    1526: "the table has no partition for the row",
    1557: "a foreign key's change would make a duplicate",
    1586: "a row with the same unique key exists",
    1644: "a trigger refused the row",
    1690: "a number is out of range",
    1748: "the row is not in the partition",
    1761: "a foreign key's change would make a duplicate",
    1762: "a foreign key's change would make a duplicate",
    1863: "the row is not in the partition",
    1977: "a text cannot be converted to its column's character set",
    3037: "a geometry is not valid",
    3140: "a JSON text is not valid",
    3141: "a JSON text is not valid",
    3144: "a JSON value has the wrong character set",
    3156: "a JSON value does not fit",
    3157: "a JSON document is nested too deeply",
    3516: "a geometry's coordinates are out of range",
    3548: "a geometry's spatial reference system is not known",
    3616: "a geometry's longitude is out of range",
    3617: "a geometry's latitude is out of range",
    3643: "a geometry has another SRID than its column",
    3819: "a CHECK constraint is violated",
    3854: "a text cannot be converted to its column's character set",
    4025: "a CHECK constraint is violated",
    4078: "a value is not of its column's type",
}
_ABORTED: Final = {
    1205: "a lock was not granted in time",
    1213: "deadlock",
    1020: "a row changed since it was read",
    1614: "the transaction was rolled back",
    3058: "deadlock",
    3101: "the transaction was rolled back by a plugin",
    3572: "a lock was not granted at once",
}
_UNAVAILABLE: Final = {
    0: "the connection is closed",
    1021: "the server's disk is full",
    1040: "the server has too many connections",
    1041: "the server is out of memory",
    1037: "the server is out of memory",
    1053: "the server is shutting down",
    1077: "the server is shutting down",
    1079: "the server is shutting down",
    1114: "a table is full",
    1129: "the server blocks this host",
    1135: "the server cannot make a thread",
    1152: "the connection was aborted",
    1158: "the connection broke",
    1159: "the connection timed out",
    1160: "the connection broke",
    1161: "the connection timed out",
    1184: "the connection was aborted",
    1203: "the user has too many connections",
    1226: "the user has used up a resource",
    1290: "the server is read-only, or runs with an option that forbids this",
    1317: "the statement was interrupted",
    1836: "the server is read-only",
    1792: "the transaction is read-only",
    1927: "the connection was killed",
    1969: "the statement took too long",
    3024: "the statement took too long",
    3032: "the server is offline for ordinary users",
    3168: "the server is not configured properly",
    3169: "the session was killed",
    2002: "the server cannot be reached",
    2003: "the server cannot be reached",
    2005: "the host is not known",
    2006: "the connection is gone",
    2013: "the connection is gone",
    2055: "the connection is gone",
    2026: "TLS failed",
    4031: "the session was idle too long",
}
_PRIVILEGE: Final = {
    1044: "access to the database is denied",
    1045: "the user or its password is refused",
    1130: "the server does not let this host in",
    1142: "a right on the table is missing",
    1143: "a right on a column is missing",
    1227: "a right is missing",
    1370: "a right on a routine is missing",
    1698: "the user or its password is refused",
    1820: "the password must be changed first",
    1862: "the password has expired",
    3118: "the account is locked",
    3159: "the server wants TLS",
    4151: "the account is locked",
}
_SCHEMA: Final = {
    1046: "no database is selected",
    1049: "the database does not exist",
    1051: "the table does not exist",
    1054: "a column does not exist",
    1072: "a key's column does not exist",
    1109: "the table does not exist",
    1136: "the number of columns does not match",
    1146: "the table does not exist",
    1288: "the table cannot be written",
    1305: "a function does not exist",
    1348: "a column cannot be written",
    1356: "a view is not valid",
    1471: "the table cannot be written",
    1906: "a generated column cannot be written",
    1932: "the table does not exist in the engine",
    3105: "a generated column cannot be written",
}

_FAULTS: Final = {
    1665: "binlog_format = STATEMENT cannot log this; the server must log rows",
    1785: "GTID consistency forbids to mix this table's storage engine with InnoDB in one transaction",
    1787: "GTID consistency forbids temporary tables in a transaction on this server",
    3098: "group replication does not allow writing to this table",
}

_CLASSES: Final[tuple[tuple[dict[int, str], type[AgentError]], ...]] = (
    (_REFUSED, RowRefused),
    (_ABORTED, TransactionAborted),
    (_UNAVAILABLE, TargetUnavailable),
    (_PRIVILEGE, PrivilegeMissing),
    (_SCHEMA, TargetSchemaError),
    (_FAULTS, DatabaseFault),
)

_NAMES: Final = (
    ("key", re.compile(r"for key '([^']{1,200})'$")),
    (
        "column",
        re.compile(r"for column (?:`(?:[^`]*)`\.`(?:[^`]*)`\.)?[`']?([^`'\s]{1,64})[`']? at row \d+$"),
    ),
    ("column", re.compile(r"^Column '([^']{1,64})' cannot be null$")),
    ("column", re.compile(r"^Field '([^']{1,64})' doesn't have a default value$")),
    ("column", re.compile(r"^Unknown column '([^']{1,200})' in ")),
    (
        "constraint",
        re.compile(r"foreign key constraint fails \(.{1,150}?CONSTRAINT `([^`]{1,64})` FOREIGN KEY"),
    ),
    ("constraint", re.compile(r"^Check constraint '([^']{1,64})' is violated\.?$")),
    ("constraint", re.compile(r"^CONSTRAINT `([^`]{1,200})` failed for ")),
    ("table", re.compile(r"^Table '([^']{1,200})' doesn't exist")),
    ("table", re.compile(r" command denied to user .{1,200} for table (\S{1,200})$")),
)
"""Where messages name what they are about; anchored, so that no value which precedes or follows can pass for it."""


_DISCONNECTS: Final = frozenset((0, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 3169, 4031))


def translate(error: pymysql.MySQLError, doing: str, *, unavailable: type[Retryable] = TargetUnavailable) -> AgentError:
    """The agent's error for a driver's error; `doing` says what was tried, in words: ``writing to crm.t``."""
    number, text = error_number(error), _text(error)
    for meanings, kind in _CLASSES:
        if number in meanings:
            found = unavailable if kind is TargetUnavailable else kind
            return found(f"{doing}: {meanings[number]} ({_label(number, text)})")
    return DatabaseFault(f"{doing}: the server reported an error that has no rule ({_label(number, text)})")


def error_number(error: pymysql.MySQLError) -> int:
    """The server's number, or the client library's from 2000 on; 0 when the driver found the connection closed."""
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) else 2013


def is_disconnect(error: pymysql.MySQLError) -> bool:
    """Whether the connection is gone, so that what was sent last may or may not have been done."""
    return error_number(error) in _DISCONNECTS


def _text(error: pymysql.MySQLError) -> str:
    return str(error.args[1]) if len(error.args) > 1 else ""


def _label(number: int, text: str) -> str:
    for what, pattern in _NAMES:
        if match := pattern.search(text):
            return f"MySQL error {number}, {what} {match[1]}"
    return f"MySQL error {number}"
