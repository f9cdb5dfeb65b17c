"""Whether a MySQL or MariaDB server's answered commits survive a crash: a question, and its answer in words.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

QUESTION: Final = "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog"


def unsure(rows: Sequence[Sequence[Any]]) -> str | None:
    """The settings for which a commit may be lost; None: it stays.

    After a crash InnoDB keeps of what was committed only what the binlog has too.
    """
    flush, logs, sync = map(int, rows[0])
    found = []
    if flush != 1:
        found.append(f"innodb_flush_log_at_trx_commit = {flush}")
    if logs and sync != 1:
        found.append(f"sync_binlog = {sync}")
    return " and ".join(found) or None
