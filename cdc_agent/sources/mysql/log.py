"""The binlog for a pipeline: how far it is. A server keeps it by its own rules, so nothing is made on it or removed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from cdc_agent.engines.admin import Admin
from cdc_agent.model.changes import TableName
from cdc_agent.model.positions import BinlogPosition, Position
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import Note, Reader, Standing
from cdc_agent.sources.mysql.source import MysqlSource


class MysqlLog:
    """Implements `sources.base.Log`."""

    def source(self, reader: Reader, report: Report) -> MysqlSource:
        """See `sources.base.Log`."""
        return MysqlSource(
            reader.database,
            name=reader.source,
            target=reader.target,
            pipeline=reader.pipeline,
            report=report,
            named=reader.named.__contains__,
        )

    def prepare(
        self, reader: Reader, server: Admin, tables: Sequence[TableName], note: Note, undo: ExitStack, *, resumes: bool
    ) -> None:
        """Nothing: every replica is sent the whole log."""

    def harmed(self, reader: Reader, server: Admin, tables: Sequence[TableName]) -> list[TableName]:
        """None: being read changes nothing for a table."""
        return []

    def publish_checkpoint(self, reader: Reader, server: Admin, note: Note) -> None:
        """Nothing: the log shows every table."""

    def remove(self, reader: Reader, note: Note) -> None:
        """Nothing was made."""

    def standing(self, reader: Reader, server: Admin, checkpoint: Position, *, held: bool) -> Standing:
        """See `sources.base.Log`. Replicas are told apart by their user only, so `held` counts too."""
        files = [(str(row[0]), int(row[1])) for row in server.rows("SHOW BINARY LOGS")]
        if not files:
            return Standing("", read=False, problem="the source has no binlog")
        end = BinlogPosition(*files[-1])
        behind = end.since(checkpoint, dict(files))
        gone = not checkpoint.reached(BinlogPosition(files[0][0], 0))
        dumps = _dumps(server) if held else []
        return Standing(
            str(end),
            read=bool(dumps),
            lag_bytes=None if gone or behind is None else max(0, behind),
            lag_seconds=0.0 if dumps and all("has sent all binlog" in state for state in dumps) else None,
            retained_bytes=sum(size for _, size in files),
            problem="the log behind the checkpoint is purged on the source" if gone else None,
        )


def _dumps(server: Admin) -> list[str]:
    """The states of replicas connected as our user; a user sees its own threads without any right."""
    return [str(row[6]) for row in server.rows("SHOW PROCESSLIST") if "Binlog Dump" in str(row[4])]
