"""Where a MySQL or MariaDB server's log ends at this moment. A way to ask in, a position out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from cdc_agent.engines.mysql.connection import Server
from cdc_agent.errors import LogGone, LogUnusable
from cdc_agent.model.positions import BinlogPosition

Run: TypeAlias = "Callable[[str, Sequence[object]], list[tuple[Any, ...]]]"
"""Runs a statement and returns its rows; raises the agent's errors only."""

NO_LOG_HINT: Final = "start the server with --log-bin"


def log_end(run: Run, server: Server) -> BinlogPosition:
    """The end of the log, every commit so far included. Raises LogUnusable when the server keeps none."""
    current = not server.is_mariadb and server.version >= (8, 2, 0)
    rows = run("SHOW BINARY LOG STATUS" if current else "SHOW MASTER STATUS", ())
    if not rows:
        raise LogUnusable("the server keeps no binary log", hint=NO_LOG_HINT)
    file, offset = str(rows[0][0]), int(rows[0][1])
    gtid = gtids_at(run, file, offset) if server.is_mariadb else "".join(str(rows[0][4]).split())
    return BinlogPosition(file, offset, gtid)


def gtids_at(run: Run, file: str, offset: int) -> str:
    """MariaDB's GTID position at a place of its log. Raises LogGone when the log does not reach back to it."""
    ((found,),) = run("SELECT BINLOG_GTID_POS(%s, %s)", (file, offset))
    if found is None:
        raise LogGone(f"the server's log does not reach back to {file}:{offset}")
    return str(found)
