"""What a MySQL or MariaDB source says of itself: identity, settings, the end and the extent of its log.

In: an open session. Out: values, or a Fatal error when the log is not what replication needs or does not reach back
to a position. Nothing is changed on the server, and a position is never moved to what happens to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pymysql

from cdc_agent.engines.mysql.connection import Session, translate
from cdc_agent.engines.mysql.log_end import NO_LOG_HINT, gtids_at, log_end
from cdc_agent.errors import LogGone, LogUnusable, SourceUnavailable
from cdc_agent.model.changes import TableName
from cdc_agent.model.positions import BinlogPosition
from cdc_agent.sources.base import ServerIdentity
from cdc_agent.sources.mysql.gtid import MariadbGtids, MysqlGtids

_NEEDED: Final = {
    "log_bin": ("ON", NO_LOG_HINT),
    "binlog_format": ("ROW", "run SET GLOBAL binlog_format = ROW"),
    "binlog_row_metadata": ("FULL", "run SET GLOBAL binlog_row_metadata = FULL"),
}
_VARIABLES: Final = (*_NEEDED, "gtid_mode", "lower_case_table_names", "server_id", "server_uuid", "log_bin_basename")
_SETTLING_SECONDS: Final = 5
"""How long a transaction may take from the log into gtid_executed."""

VERSIONED_HINT: Final = (
    "ALTER TABLE … DROP SYSTEM VERSIONING, or exclude them: their log does not tell history from rows"
)
_VERSIONED: Final = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED'"
)


@dataclass(frozen=True, slots=True)
class SourceServer:
    """One server, over one session."""

    session: Session

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement. Raises the agent's errors only."""
        try:
            with self.session.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            raise translate(error, "asking the source", unavailable=SourceUnavailable) from error

    @property
    def mariadb(self) -> bool:
        return self.session.server.is_mariadb

    def variables(self) -> dict[str, str]:
        """The global variables that matter here; one that the server does not have is absent."""
        names = ", ".join(["%s"] * len(_VARIABLES))
        rows = self.run(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})", _VARIABLES)
        return {str(name).lower(): str(value) for name, value in rows}

    def identity(self) -> ServerIdentity:
        found = self.variables()
        if self.mariadb:
            identity = f"{found['server_id']} {found.get('log_bin_basename', '')}".strip()
        else:
            identity = found["server_uuid"]
        return ServerIdentity("mariadb" if self.mariadb else "mysql", self.session.server.text, identity)

    def files(self) -> list[tuple[str, int]]:
        """The log's files with their sizes in bytes, oldest first."""
        return [(str(row[0]), int(row[1])) for row in self.run("SHOW BINARY LOGS")]

    def end_of_log(self) -> BinlogPosition:
        """The end of the log at this moment. Raises LogUnusable when there is no log."""
        return log_end(self.run, self.session.server)

    # --- checks before the start

    def check_settings(self) -> dict[str, str]:
        """Raises LogUnusable unless the server logs whole rows with their names; returns the variables."""
        found = self.variables()
        wrong = [
            (name, found[name], needed, remedy)
            for name, (needed, remedy) in _NEEDED.items()
            if name in found and found[name].upper() != needed
        ]
        if "binlog_row_metadata" not in found:
            raise LogUnusable(
                "the source does not know binlog_row_metadata", hint="MySQL 8.0 or MariaDB 10.6 is needed"
            )
        if wrong:
            raise LogUnusable(
                "the source does not log what replication needs",
                details=[f"{name} is {value}, not {needed}" for name, value, needed, _ in wrong],
                hint="; ".join(remedy for *_, remedy in wrong),
            )
        return found

    def versioned(self, wanted: Callable[[TableName], bool], named: Callable[[TableName], bool]) -> list[TableName]:
        """The system-versioned tables, which a wildcard leaves out: MariaDB logs their history rows as plain inserts.

        Raises LogUnusable for one that a route names.
        """
        if not self.mariadb:
            return []
        tables = [(str(schema), str(name)) for schema, name in self.run(_VERSIONED)]
        routed = [table for table in tables if wanted(table)]
        if refused := [".".join(table) for table in routed if named(table)]:
            raise LogUnusable(
                f"system-versioned tables cannot be replicated: {', '.join(refused)}", hint=VERSIONED_HINT
            )
        return routed

    def check_mysql_gtids(self, position: BinlogPosition) -> None:
        """Raises LogGone when GTIDs behind the position were purged, or the server lacks some in front of it."""
        ((there,),) = self.run("SELECT GTID_SUBSET(@@GLOBAL.gtid_purged, %s)", (position.gtid,))
        if not there:
            raise LogGone(
                "the source has purged transactions that the checkpoint does not cover",
                details=[f"checkpoint: {position}", f"purged: {self._purged()}"],
            )
        ((late,),) = self.run("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)", (position.gtid, _SETTLING_SECONDS))
        if late:
            raise LogGone(
                "the source lacks transactions that the checkpoint covers: it was restored or replaced",
                details=[f"checkpoint: {position}"],
            )

    def _purged(self) -> str:
        return "".join(str(self.run("SELECT @@GLOBAL.gtid_purged")[0][0]).split())

    def check_mariadb_gtids(self, position: BinlogPosition) -> None:
        """Raises LogGone when the server has not got as far in a domain; the dump itself says what was purged."""
        ((current,),) = self.run("SELECT @@GLOBAL.gtid_binlog_pos")
        if not MariadbGtids(str(current)).includes(MariadbGtids(position.gtid)):
            raise LogGone(
                "the source lacks transactions that the checkpoint covers: it was restored or replaced",
                details=[f"checkpoint: {position}", f"the source's log ends at {current}"],
            )

    def check_place(self, position: BinlogPosition) -> None:
        """Raises LogGone when the file is gone or ends before the offset."""
        sizes = dict(self.files())
        size = sizes.get(position.file)
        if size is None or size < position.offset:
            first = next(iter(sizes), "none")
            raise LogGone(
                f"the source's log has no {position.file}:{position.offset}",
                details=[f"oldest file: {first}", f"size of {position.file}: {'purged' if size is None else size}"],
            )

    def known_gtids(self, position: BinlogPosition, gtid_mode: str) -> MysqlGtids | MariadbGtids | None:
        """The set up to the position, to which the stream adds; None when it cannot be known yet."""
        if self.mariadb:
            return MariadbGtids(position.gtid or gtids_at(self.run, position.file, position.offset))
        if position.gtid:
            return MysqlGtids(position.gtid)
        ((executed,),) = self.run("SELECT @@GLOBAL.gtid_executed")
        return MysqlGtids() if gtid_mode == "ON" and not executed else None
