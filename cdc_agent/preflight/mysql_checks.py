"""Checks of a MySQL or MariaDB server in its roles. Each function is one check; `CHECKS` is all of them, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cdc_agent.engines.mysql.identifiers import quote
from cdc_agent.errors import LogGone
from cdc_agent.model.positions import BinlogPosition, parse_position
from cdc_agent.preflight.context import DatabaseCheck, OnDatabase
from cdc_agent.preflight.findings import Finding, error, info, outdated, warning
from cdc_agent.sources.mysql import recognition
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids

DAY: Final = 86_400


def version(on: OnDatabase) -> Iterator[Finding]:
    """MySQL 8.0 and MariaDB 10.6 are the oldest."""
    yield from outdated(on.name, on.server.flavor, on.server.version)


def log_bin(on: OnDatabase) -> Iterator[Finding]:
    """No binlog, nothing to read."""
    if on.sources and on.setting("log_bin") != "ON":
        yield error("PF020", on.name, "the binlog is off", "set log_bin in the server's configuration and restart it")


def binlog_format(on: OnDatabase) -> Iterator[Finding]:
    """Only row events can be replicated."""
    found = on.setting("binlog_format")
    if on.sources and found != "ROW":
        hint = "SET GLOBAL binlog_format = 'ROW', in the configuration as well; sessions keep the old one"
        yield error("PF021", on.name, f"binlog_format is {found}", hint)


def row_image(on: OnDatabase) -> Iterator[Finding]:
    """Smaller images work, at the price of reading rows again."""
    found = on.setting("binlog_row_image")
    if on.sources and found not in ("FULL", "FULL_NODUP", ""):
        message = f"binlog_row_image is {found}: rows may have to be read again from the source"
        yield warning("PF022", on.name, message, "SET GLOBAL binlog_row_image = 'FULL'")


def row_metadata(on: OnDatabase) -> Iterator[Finding]:
    """Without names, signs and character sets in the log, rows would have to be guessed."""
    found = on.setting("binlog_row_metadata")
    if on.sources and found != "FULL":
        hint = "SET GLOBAL binlog_row_metadata = 'FULL', in the server's configuration as well"
        yield error("PF023", on.name, f"binlog_row_metadata is {found}", hint)


def compression(on: OnDatabase) -> Iterator[Finding]:
    """Decoded; it costs the agent some CPU."""
    names = ("log_bin_compress", "binlog_transaction_compression")
    for name in names if on.sources else ():
        if on.setting(name) == "ON":
            yield info("PF024", on.name, f"{name} is ON: compressed events are read, and cost some CPU")


def partial_json(on: OnDatabase) -> Iterator[Finding]:
    """Partial JSON updates are not whole values."""
    found = on.setting("binlog_row_value_options")
    if on.sources and found:
        message = f"binlog_row_value_options is {found}: a partial update of JSON cannot be replicated as it is"
        yield warning("PF025", on.name, message, "SET GLOBAL binlog_row_value_options = ''")


def server_id(on: OnDatabase) -> Iterator[Finding]:
    """A server without an id refuses replicas; a replica with its id is refused."""
    found = int(on.setting("server_id") or 0)
    if on.sources and found == 0:
        yield error("PF026", on.name, "server_id is 0: the server takes no replicas", "SET GLOBAL server_id = 1")
    if on.sources and found and on.settings.server_id == found:
        message = f"the database's `server_id: {found}` is the server's own"
        yield error("PF027", on.name, message, "choose another, or leave it out")


def shared_id(on: OnDatabase) -> Iterator[Finding]:
    """Two agents with one id throw each other out."""
    if on.settings.server_id is not None and len(on.sources) > 1:
        message = f"pipelines {', '.join(on.sources)} would all register as server_id {on.settings.server_id}"
        yield error("PF027", on.name, message, "leave `server_id` out: each pipeline then has one of its own")


def gtid_mode(on: OnDatabase) -> Iterator[Finding]:
    """Without GTIDs a position is a file and a place in it, which no other server shares."""
    found = on.setting("gtid_mode")
    if on.sources and on.server.flavor == "mysql" and found != "ON":
        message = f"gtid_mode is {found}: the position is lost when the server is replaced"
        yield warning("PF028", on.name, message, "switch GTIDs on; it works online, in the steps of MySQL's manual")


def expiry(on: OnDatabase) -> Iterator[Finding]:
    """The binlog must outlive the longest time that the agent may be stopped."""
    seconds = int(on.setting("binlog_expire_logs_seconds") or 0)
    days = float(on.setting("expire_logs_days") or 0)
    kept = seconds or int(days * DAY)
    if on.sources and 0 < kept < DAY:
        message = f"the binlog is kept for {kept} s: an agent that is stopped for longer loses changes"
        yield warning("PF029", on.name, message, f"SET GLOBAL binlog_expire_logs_seconds = {7 * DAY}")


def user_rights(on: OnDatabase) -> Iterator[Finding]:
    """REPLICATION SLAVE and CLIENT on a source; nothing like SUPER anywhere."""
    rights = granted(on)
    if "ALL PRIVILEGES" in rights or "SUPER" in rights:
        hint = "cdc-agent grants prints the rights that are enough"
        yield warning("PF005", on.name, f"user {on.settings.user} may do everything", hint)
        return
    missing = [names[0] for names in _SOURCE_RIGHTS if on.sources and not rights.intersection(names)]
    if missing:
        hint = f"GRANT {', '.join(missing)} ON *.* TO {quote(on.settings.user)}@'…'"
        yield error("PF006", on.name, f"user {on.settings.user} lacks {', '.join(missing)}", hint)


_SOURCE_RIGHTS: Final = (
    ("REPLICATION SLAVE", "REPLICATION_SLAVE"),
    ("REPLICATION CLIENT", "BINLOG MONITOR"),
)


def granted(on: OnDatabase) -> set[str]:
    """The user's global rights, as SHOW GRANTS spells them."""
    found: set[str] = set()
    for row in on.server.rows("SHOW GRANTS"):
        if match := re.match(r"GRANT (.+) ON \*\.\* TO ", str(row[0])):
            found.update(right.strip() for right in match[1].split(","))
    return found


def local_infile(on: OnDatabase) -> Iterator[Finding]:
    """Large batches go faster through LOAD DATA LOCAL."""
    if on.targets and on.setting("local_infile") != "ON":
        message = "local_infile is OFF: large batches are written with INSERT, at about half the speed"
        yield info("PF062", on.name, message, "SET GLOBAL local_infile = ON")


def purged(on: OnDatabase, pipeline: str, checkpoint: str) -> Iterator[Finding]:
    """Whether the binlog that a checkpoint stands in is gone, or another one than it was."""
    position = parse_position(checkpoint)
    if not isinstance(position, BinlogPosition):
        return
    files = [(str(row[0]), int(row[1])) for row in on.server.rows("SHOW BINARY LOGS")]
    if files and position.number < BinlogPosition(files[0][0], 0).number and not _covers(on, position, files[0][0]):
        message = f"the checkpoint stands in {position.file}, the oldest file is {files[0][0]}"
        yield error("PF030", pipeline, message, LogGone.hint)
    elif found := recognition.against(on.settings, f"checks {pipeline}", position, files):
        message = f"the binlog is not the one that the checkpoint was read from: {found}"
        yield error("PF030", pipeline, message, LogGone.hint)


def _covers(on: OnDatabase, position: BinlogPosition, oldest: str) -> bool:
    """Whether all that stood before the oldest file is before the position too."""
    if not position.gtid:
        return False
    if on.server.flavor == "mariadb":
        ((before,),) = on.server.rows("SELECT BINLOG_GTID_POS(%s, 4)", (oldest,))
        return MariadbGtids(position.gtid).includes(MariadbGtids(str(before or "")))
    ((purged,),) = on.server.rows("SELECT @@GLOBAL.gtid_purged")
    return MysqlGtids(position.gtid).includes(MysqlGtids(str(purged)))


CHECKS: Final[tuple[DatabaseCheck, ...]] = (
    version,
    user_rights,
    log_bin,
    binlog_format,
    row_image,
    row_metadata,
    compression,
    partial_json,
    server_id,
    shared_id,
    gtid_mode,
    expiry,
    local_infile,
)
