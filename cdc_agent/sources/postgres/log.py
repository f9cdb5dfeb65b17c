"""PostgreSQL's log for a pipeline: the publication and the slot that it is read through, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import psycopg

from cdc_agent.engines.admin import Admin
from cdc_agent.engines.postgres.admin import PostgresAdmin
from cdc_agent.model.changes import TableName
from cdc_agent.model.echo import CHECKPOINT
from cdc_agent.model.positions import Lsn, Position, parse_lsn
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import Note, Reader, Standing
from cdc_agent.sources.postgres import publication as publications
from cdc_agent.sources.postgres import slot as slots
from cdc_agent.sources.postgres.setup import prepare, publish, remove
from cdc_agent.sources.postgres.source import PostgresSource


class PostgresLog:
    """Implements `sources.base.Log`."""

    def source(self, reader: Reader, report: Report) -> PostgresSource:
        """See `sources.base.Log`."""
        return PostgresSource(
            reader.database,
            name=reader.source,
            target=reader.target,
            pipeline=reader.pipeline,
            slot=reader.slot,
            publication=reader.publication,
            report=report,
        )

    def prepare(
        self, reader: Reader, server: Admin, tables: Sequence[TableName], note: Note, undo: ExitStack, *, resumes: bool
    ) -> Lsn | None:
        """See `sources.base.Log`.

        Raises PrivilegeMissing with the SQL for a person to run, LogUnusable, SourceUnavailable; LogGone when the
        pipeline has a checkpoint and its slot is gone, SlotInUse when something else reads the slot.
        """
        if resumes:
            publish(reader.database, reader.publication, tables, reader.slot)
            slots.require_ours(slots.state(_open(server), reader.slot), reader.slot, reader.database)
            note(False, f"{reader.source}: slot {reader.slot}")
            return None
        new = publications.read(_open(server), reader.publication) is None
        if new:
            undo.callback(publications.drop, _open(server), reader.publication)
        slot = prepare(reader.database, slot=reader.slot, publication=reader.publication, tables=tables)
        if slot.created:
            undo.callback(slots.drop, reader.database, reader.slot)
        note(new, f"{reader.source}: publication {reader.publication}")
        note(slot.created, f"{reader.source}: slot {reader.slot}")
        return slot.position

    def harmed(self, reader: Reader, server: Admin, tables: Sequence[TableName]) -> list[TableName]:
        """See `sources.base.Log`: those without an identity that are not published yet."""
        found = publications.read(_open(server), reader.publication)
        published = frozenset[TableName]() if found is None else found.tables
        return [table for table in publications.unidentified(_open(server), tables) if table not in published]

    def publish_checkpoint(self, reader: Reader, server: Admin, note: Note) -> None:
        """See `sources.base.Log`; raises as `prepare`."""
        found = publications.read(_open(server), reader.publication)
        if found is not None and CHECKPOINT not in found.tables:
            publish(reader.database, reader.publication, sorted(found.tables))
            note(True, f"{reader.source}: cdc_agent.checkpoint in publication {found.name}")

    def remove(self, reader: Reader, note: Note) -> None:
        """See `sources.base.Log`. Raises SlotInUse while the slot is read."""
        slot_dropped, publication_dropped = remove(reader.database, slot=reader.slot, publication=reader.publication)
        note(slot_dropped, f"{reader.source}: slot {reader.slot}")
        note(publication_dropped, f"{reader.source}: publication {reader.publication}")

    def standing(self, reader: Reader, server: Admin, checkpoint: Position, *, held: bool) -> Standing:
        """See `sources.base.Log`. Whether an agent reads is what the slot says, wherever the agent runs."""
        end = parse_lsn(str(server.rows("SELECT pg_current_wal_lsn()::text")[0][0]))
        behind = end.since(checkpoint)
        found = slots.state(_open(server), reader.slot)
        if found is None:
            return Standing(str(end), read=False, problem=f"slot {reader.slot} is gone")
        if found.confirmed_flush_lsn is not None:
            behind = min(behind, end.since(found.confirmed_flush_lsn))
        return Standing(
            str(end),
            read=found.active_pid is not None,
            lag_bytes=max(0, behind),
            lag_seconds=_measured(server, found.active_pid),
            retained_bytes=found.retained_bytes,
            wal_status=found.wal_status,
            safe_wal_size=found.safe_wal_size,
            problem=f"slot {reader.slot} is lost" if found.lost else None,
        )


def _open(server: Admin) -> psycopg.Connection[Any]:
    assert isinstance(server, PostgresAdmin)
    return server.connection


def _measured(server: Admin, sender: int | None) -> float | None:
    """PostgreSQL forgets its measurement when everything has been acknowledged: that is 0. None: nothing is sent."""
    question = "SELECT coalesce(EXTRACT(EPOCH FROM flush_lag), 0) FROM pg_stat_replication WHERE pid = %s"
    found = server.rows(question, (sender,)) if sender is not None else []
    return round(float(found[0][0]), 3) if found else None
