"""The numbers by which events and their flags are known."""

from __future__ import annotations

from typing import Final

QUERY: Final = 2
STOP: Final = 3
ROTATE: Final = 4
INTVAR: Final = 5
APPEND_BLOCK: Final = 9
DELETE_FILE: Final = 11
RAND: Final = 13
USER_VAR: Final = 14
FORMAT_DESCRIPTION: Final = 15
XID: Final = 16
BEGIN_LOAD_QUERY: Final = 17
EXECUTE_LOAD_QUERY: Final = 18
TABLE_MAP: Final = 19
WRITE_ROWS_V1: Final = 23
UPDATE_ROWS_V1: Final = 24
DELETE_ROWS_V1: Final = 25
INCIDENT: Final = 26
HEARTBEAT: Final = 27
IGNORABLE: Final = 28
ROWS_QUERY: Final = 29
WRITE_ROWS: Final = 30
UPDATE_ROWS: Final = 31
DELETE_ROWS: Final = 32
GTID: Final = 33
ANONYMOUS_GTID: Final = 34
PREVIOUS_GTIDS: Final = 35
TRANSACTION_CONTEXT: Final = 36
VIEW_CHANGE: Final = 37
XA_PREPARE: Final = 38
PARTIAL_UPDATE_ROWS: Final = 39
TRANSACTION_PAYLOAD: Final = 40
HEARTBEAT_V2: Final = 41
GTID_TAGGED: Final = 42
MARIADB_ANNOTATE_ROWS: Final = 160
MARIADB_BINLOG_CHECKPOINT: Final = 161
MARIADB_GTID: Final = 162
MARIADB_GTID_LIST: Final = 163
MARIADB_START_ENCRYPTION: Final = 164
MARIADB_QUERY_COMPRESSED: Final = 165
MARIADB_ROWS_COMPRESSED: Final = {166: 23, 167: 24, 168: 25, 169: 30, 170: 31, 171: 32}
"""MariaDB's compressed row events and the plain type of each; see `compression`."""

ROWS: Final = frozenset(
    (*range(WRITE_ROWS_V1, DELETE_ROWS_V1 + 1), *range(WRITE_ROWS, DELETE_ROWS + 1), PARTIAL_UPDATE_ROWS)
)

STATEMENT_END_FLAG: Final = 1
"""In the flags of a row event, the two bytes behind the table id: it is its statement's last."""
KEYS_OFF_FLAG: Final = 2
"""Its session had foreign_key_checks = 0, or (with the flag below) it is itself what a foreign key did."""
KEYS_LOGGED_FLAG: Final = 16
"""What foreign keys do is logged: in front of the event that was the cause (MySQL 9.6 and newer)."""
KEYS_FLAGS: Final = KEYS_OFF_FLAG | KEYS_LOGGED_FLAG
UPDATES: Final = frozenset((UPDATE_ROWS_V1, UPDATE_ROWS, PARTIAL_UPDATE_ROWS))

IGNORABLE_FLAG: Final = 0x80
ARTIFICIAL_FLAG: Final = 0x20

MARIADB_STANDALONE: Final = 1
MARIADB_GROUP_COMMIT: Final = 2
MARIADB_PREPARED_XA: Final = 64

HEADER_BYTES: Final = 19
"""Of every event, in front of its body."""
