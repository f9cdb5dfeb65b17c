"""Whether other sessions of a MySQL or MariaDB server see what its log has told. A way to ask in, an answer out.

MySQL adds a GTID to gtid_executed when the storage engine has committed its transaction, and MariaDB tells up to which
place of the log its engines have committed:
https://mariadb.com/docs/server/server-usage/storage-engines/innodb/enhancements-for-start-transaction-with-consistent
"""

from __future__ import annotations

from typing import NamedTuple

from cdc_agent.engines.mysql.connection import Server
from cdc_agent.engines.mysql.log_end import Run
from cdc_agent.model.positions import BinlogPosition


class Received(NamedTuple):
    """How far a log was received."""

    gtids: str
    """A set that holds every transaction that was received; '' where the server keeps no GTIDs."""
    place: tuple[int, int]
    """(number of the file, offset): the last transaction's end, or just behind its beginning until the end is known."""


def shows(run: Run, server: Server, received: Received) -> bool | None:
    """Whether what was received is committed in the storage engine; None where the server does not tell.

    On MariaDB an XA COMMIT counts a moment before it is done.
    """
    if server.is_mariadb:
        found: dict[str, str] = dict(run("SHOW STATUS LIKE %s", ("binlog_snapshot_%",)))
        place = BinlogPosition(str(found["Binlog_snapshot_file"]), int(found["Binlog_snapshot_position"]))
        return place.sequence >= received.place
    if not received.gtids:
        return None
    question = "SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed), @@GLOBAL.gtid_mode"
    ((there, mode),) = run(question, (received.gtids,))
    return int(there) == 1 if str(mode) == "ON" else None
