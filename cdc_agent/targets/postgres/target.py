"""The writing end of a pipeline on PostgreSQL: steps in, one committed transaction with its checkpoint out.

A small batch costs two round trips: BEGIN, the compare-and-set and every row travel together, then COMMIT. So the
outcome of the compare-and-set may be raised by the first of `apply`, `quarantine`, `finish` and `commit` that waits
for the server; nothing is ever committed before it is known.

Never decides what happens after an error, and never shows a driver's error to its caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import psycopg
from psycopg import pq

from cdc_agent.config.model import Database
from cdc_agent.engines.postgres import catalogue, durability
from cdc_agent.engines.postgres.connection import connect, translate
from cdc_agent.engines.postgres.types import TypeCatalogue
from cdc_agent.errors import (
    AgentError,
    NotSetUp,
    OutcomeUnknown,
    PrivilegeMissing,
    RowRefused,
    TargetUnavailable,
    TransactionAborted,
)
from cdc_agent.model.changes import TableName
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note, Remembered
from cdc_agent.model.steps import Step
from cdc_agent.model.tables import TargetTable, where_keys_act
from cdc_agent.store import postgres as sql
from cdc_agent.store import tables
from cdc_agent.targets.base import Missing
from cdc_agent.targets.postgres.flight import Flight, Queued
from cdc_agent.targets.postgres.layout import Layout, read_layout, read_layouts
from cdc_agent.targets.postgres.writing import Stages, Writer

LOCK_TIMEOUT: Final = 30
"""Seconds until a wait for a lock ends the transaction, which is then tried again."""
STATEMENT_TIMEOUT: Final = 900
"""Seconds; a batch is bounded in bytes, so a statement that takes longer hangs."""
PREPARED_STATEMENTS: Final = 500

_SESSION: Final = {
    "lock_timeout": f"{LOCK_TIMEOUT}s",
    "statement_timeout": f"{STATEMENT_TIMEOUT}s",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "default_transaction_isolation": "read committed",
    "client_min_messages": "error",
    "jit": "off",
    # Every write finds its rows by key. A plan made while a table was small must not scan it when it has grown.
    "enable_seqscan": "off",
}
"""Settings of the session; those that a server does not know (transaction_timeout before 17) are left out."""

_SETTINGS: Final = """
SELECT set_config(s.name, s.value, false)
FROM unnest(%s::text[], %s::text[]) AS s (name, value)
WHERE current_setting(s.name, true) IS NOT NULL
"""

_ABILITIES: Final = """
SELECT pg_is_in_recovery(),
       has_database_privilege(current_database(), 'TEMPORARY'),
       coalesce((SELECT bool_or(has_function_privilege(oid, 'EXECUTE')) FROM pg_proc
                 WHERE proname = 'pg_logical_emit_message' AND pronamespace = 'pg_catalog'::regnamespace
                   AND proargtypes[2] = 'text'::regtype), false)
"""


_CHECKPOINTING: Final = "writing cdc_agent.checkpoint"


@dataclass(frozen=True, slots=True)
class _Session:
    """What lives as long as a connection."""

    connection: psycopg.Connection[Any]
    flight: Flight
    writer: Writer
    types: TypeCatalogue
    compare_and_set: bytes


class PostgresTarget:
    """Implements `targets.base.Target`. `name` is the database's name in the configuration."""

    def __init__(
        self, database: Database, *, name: str, triggers: Literal["auto", "fire", "suppress"] = "auto"
    ) -> None:
        self._database = database
        self._name = name
        self._triggers = triggers
        self._session: _Session | None = None
        self._described: dict[TableName, TargetTable | None] = {}
        self._acted_on: frozenset[TableName] | None = None
        """The tables that acting foreign keys refer to, once asked for."""
        self._layouts: dict[TableName, Layout] = {}
        """Those that were read ahead, until they are used."""
        self._stages = Stages()
        self._stale = False
        self._discards = 0
        self.triggers_suppressed = False
        """Whether the session runs as a replica, so that ordinary triggers and foreign keys do not act."""

    def unsure(self) -> str | None:
        """See `targets.base.Target`. The session has seen to synchronous_commit."""
        with _translating("looking at the server's settings"):
            return durability.unsure(self._live.connection.execute(durability.QUESTION).fetchall())

    def connect(self) -> None:
        """Connect and set up the session. Raises TargetUnavailable, PrivilegeMissing."""
        self.close()
        connection = connect(self._database, purpose=f"target {self._name}")
        self._described = {}
        self._acted_on = None
        self._layouts = {}
        self._stages = Stages()
        self._stale = False
        try:
            self._session = self._set_up(connection)
        except psycopg.Error as error:
            connection.close()
            raise translate(error, f"setting up the session on {self._name}") from error
        except AgentError:
            connection.close()
            raise

    def _set_up(self, connection: psycopg.Connection[Any]) -> _Session:
        connection.prepared_max = PREPARED_STATEMENTS
        connection.execute(_SETTINGS, (list(_SESSION), list(_SESSION.values())))
        connection.execute(durability.SURE)
        row = connection.execute(_ABILITIES).fetchone()
        assert row is not None
        standby, can_stage, can_emit = row
        if standby:
            raise TargetUnavailable(f"{self._name} is a standby, which takes no writes")
        self.triggers_suppressed = self._suppress_triggers(connection)
        flight = Flight(connection)
        return _Session(
            connection=connection,
            flight=flight,
            writer=Writer(flight, self._read_layout, can_stage=can_stage),
            types=TypeCatalogue(connection),
            compare_and_set=sql.WRITE_AND_MARK if can_emit else sql.WRITE,
        )

    def _suppress_triggers(self, connection: psycopg.Connection[Any]) -> bool:
        if self._triggers == "fire":
            return False
        try:
            connection.execute("SET session_replication_role = replica")
        except psycopg.errors.InsufficientPrivilege as error:
            if self._triggers == "suppress":
                raise PrivilegeMissing(
                    f"the role may not suppress triggers on {self._name}",
                    hint="GRANT SET ON PARAMETER session_replication_role (PostgreSQL 15), or `triggers: fire`",
                ) from error
            return False
        return True

    # --- catalogue

    def describe(self, schema: str, name: str) -> TargetTable | None:
        """The table as the catalogue has it; None when there is none. Cached until `forget`."""
        if (schema, name) not in self._described:
            with _translating(f"reading the catalogue for {schema}.{name}"):
                table = catalogue.describe(self._live.connection, schema, name, self._live.types)
                self._described[schema, name] = self._seen(table)
        return self._described[schema, name]

    def foresee(self, names: Sequence[TableName]) -> None:
        """See `targets.base.Target`; the layouts that writing needs are read as well."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._described]
        if len(unknown) > 1:
            with _translating(f"reading the catalogue for {len(unknown)} tables"):
                found = catalogue.describe_all(self._live.connection, unknown, self._live.types)
                self._layouts.update(read_layouts(self._live.connection, unknown))
                self._described.update({name: self._seen(found.get(name)) for name in unknown})

    def _seen(self, table: TargetTable | None) -> TargetTable | None:
        """The table as foreign keys treat it in this session."""
        if table is None or self.triggers_suppressed:
            return table
        if self._acted_on is None:
            self._acted_on = catalogue.acted_on(self._live.connection)
        return where_keys_act(table, self._acted_on)

    def _read_layout(self, schema: str, name: str) -> Layout:
        if (foreseen := self._layouts.pop((schema, name), None)) is not None:
            return foreseen
        with _translating(f"reading the catalogue for {schema}.{name}"):
            return read_layout(self._live.connection, schema, name)

    def forget(self) -> None:
        """Drop cached descriptions, staging tables and prepared statements."""
        self._described = {}
        self._acted_on = None
        self._layouts = {}
        if self._session is None:
            return
        self._session.types.forget()
        self._writer.forget()
        self._stages = Stages()
        self._stale = True
        if self._status is pq.TransactionStatus.IDLE and not self._flight.queued:
            self._discard()

    def _discard(self) -> None:
        self._stale = False
        self._writer.stages = Stages()
        self._flight.run(b"DISCARD TEMP", doing="dropping the staging tables")
        # psycopg looks at what a statement did only when it has not seen its text before: each has a text of its own.
        self._discards += 1
        self._flight.alone(b"DEALLOCATE ALL /* %d */" % self._discards, doing="dropping prepared statements")

    # --- checkpoint

    def checkpoint(self, pipeline: str, *, settled: bool = False) -> Checkpoint | None:
        """The pipeline's row. Raises NotSetUp, TablesOutdated, TablesTooNew, PositionUnreadable."""
        return self._read_checkpoint(sql.READ_AND_LOCK if settled else sql.READ, pipeline)

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        """Raise the generation by one in a transaction of its own. Raises NotSetUp and what `checkpoint` raises."""
        self._flight.add(b"BEGIN", doing="beginning a transaction")
        try:
            found = self._read_checkpoint(sql.READ_AND_LOCK, pipeline)
            if found is None:
                raise NotSetUp(f"there is no checkpoint for pipeline {pipeline} on {self._name}")
            taken = replace(found, generation=found.generation + 1, host=host)
            mark = tables.checkpoint_values(taken)[tables.CHECKPOINT_COLUMNS.index("mark")]
            values = _texts((pipeline, taken.generation, host, mark))
            self._flight.add(sql.TAKE_OVER, values, doing=_CHECKPOINTING)
            self.commit()
        except AgentError:
            self.rollback()
            raise
        return taken

    def _read_checkpoint(self, statement: bytes, pipeline: str) -> Checkpoint | None:
        try:
            found = self._flight.run(statement, _texts((pipeline,)), doing="reading cdc_agent.checkpoint")
        except AgentError as error:
            if getattr(error.__cause__, "sqlstate", None) in ("42P01", "3F000"):
                raise NotSetUp(f"there is no cdc_agent schema on {self._name}") from error
            raise
        rows = found.rows
        return tables.claimed(rows[0], self._name) if rows else None

    # --- transaction

    def begin(self, checkpoint: Checkpoint) -> None:
        """Open a transaction with the compare-and-set of the checkpoint as its first statement."""
        if self._stale:
            self._discard()
        self._stages = self._writer.stages.copy()

        def held(queued: Queued) -> None:
            if queued.count == 0:
                raise self._taken_over(checkpoint)

        self._flight.add(b"BEGIN", doing="beginning a transaction")
        values = _texts(tables.checkpoint_values(checkpoint))
        self._flight.add(self._live.compare_and_set, values, doing=_CHECKPOINTING, check=held)

    def _taken_over(self, checkpoint: Checkpoint) -> AgentError:
        self.rollback()
        values = _texts((checkpoint.pipeline,))
        found = self._flight.run(sql.HOLDER, values, doing="reading cdc_agent.checkpoint").rows
        holder = Holder(*found[0]) if found else None
        return tables.taken_over(checkpoint.pipeline, checkpoint.generation, holder)

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        """Apply the steps and wait for them. Raises RowRefused when the server refuses a row."""
        self._writer.apply(steps, missing)

    def attempt(self, steps: Sequence[Step], missing: Missing) -> RowRefused | None:
        """`apply` inside a savepoint: None when it worked, else the RowRefused, the savepoint rolled back."""
        self._flight.run(b"SAVEPOINT cdc_attempt", doing="setting a savepoint")
        stages = self._writer.stages.copy()
        try:
            self._writer.apply(steps, missing)
        except RowRefused as refused:
            self._flight.clear()
            self._writer.stages = stages
            self._flight.alone(b"ROLLBACK TO SAVEPOINT cdc_attempt", doing="rolling back")
            self._flight.add(b"RELEASE SAVEPOINT cdc_attempt", doing="rolling back", prepare=False)
            return refused
        self._flight.add(b"RELEASE SAVEPOINT cdc_attempt", doing="releasing a savepoint", prepare=False)
        return None

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        """Insert rows into cdc_agent.quarantine inside the open transaction."""
        for entry in entries:
            values = _texts(tables.quarantine_values(pipeline, entry))
            self._flight.add(sql.ADD_QUARANTINED, values, doing="writing cdc_agent.quarantine")

    def recall(self, pipeline: str) -> Memory:
        """All that is remembered of the pipeline's tables."""
        values = _texts((pipeline,))
        known = self._flight.run(sql.RECALL, values, doing="reading cdc_agent.schema").rows
        states = self._flight.run(sql.RECALL_STATES, values, doing="reading cdc_agent.table_state").rows
        return Memory([tables.remembered(row) for row in known], [tables.table_state(row) for row in states])

    def remember(self, pipeline: str, notes: Sequence[Note]) -> None:
        """Write what is known of tables inside the open transaction."""
        for note in notes:
            if not isinstance(note, Remembered):
                values = _texts(tables.state_values(pipeline, note))
                self._flight.add(sql.NOTE_STATE, values, doing="writing cdc_agent.table_state")
                continue
            values = _texts(tables.schema_values(pipeline, note))
            if note.description:
                self._flight.add(sql.REMEMBER, values, doing="writing cdc_agent.schema")
            else:
                self._flight.add(sql.FORGET, values[:-1], doing="writing cdc_agent.schema")

    def alter(self, statement: str) -> None:
        """Run one statement of DDL by itself, however long it takes."""
        self._flight.alone(b"SET statement_timeout = 0", doing="setting up the session")
        try:
            self._flight.alone(statement.encode(), doing="altering a table")
        finally:
            if self._session is not None:
                self._flight.alone(f"SET statement_timeout = '{STATEMENT_TIMEOUT}s'".encode(), doing="setting up")
        self.forget()

    def finish(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint's final position and counts."""
        self._flight.add(sql.WRITE, _texts(tables.checkpoint_values(checkpoint)), doing=_CHECKPOINTING)

    def commit(self, history: Checkpoint | None = None) -> None:
        """Commit. Raises OutcomeUnknown when the connection broke after COMMIT was sent."""
        if self._flight.unchecked:
            self._flight.land()
        if history is not None:
            doing = "writing cdc_agent.checkpoint_history"
            self._flight.add(sql.ADD_HISTORY, _texts(tables.history_values(history)), doing=doing)
            self._flight.add(sql.PRUNE_HISTORY, _texts((history.pipeline,)), doing=doing)
        try:
            committed = self._flight.run(b"COMMIT", doing="committing")
        except TargetUnavailable as error:
            raise OutcomeUnknown("the connection was lost while committing") from error
        self._writer.stages.filled = frozenset()
        self._stages = self._writer.stages.copy()
        if committed.tag != "COMMIT":
            raise TransactionAborted("the server rolled the transaction back instead of committing it")

    def rollback(self) -> None:
        """Roll back what is open; never raises for a connection that is gone."""
        if self._session is None:
            return
        self._flight.clear()
        self._writer.stages = self._stages.copy()
        self._writer.stages.filled = frozenset()
        if self._status is pq.TransactionStatus.IDLE:
            return
        try:
            self._flight.alone(b"ROLLBACK", doing="rolling back")
        except AgentError:
            self.close()

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        if self._session is not None:
            self._session.connection.close()
            self._session = None

    @property
    def _live(self) -> _Session:
        if self._session is None:
            raise TargetUnavailable(f"{self._name} is not connected")
        return self._session

    @property
    def _flight(self) -> Flight:
        return self._live.flight

    @property
    def _writer(self) -> Writer:
        return self._live.writer

    @property
    def _status(self) -> pq.TransactionStatus:
        return self._live.connection.info.transaction_status


@contextmanager
def _translating(doing: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise translate(error, doing) from error


def _texts(values: Sequence[object]) -> list[bytes | None]:
    """Values of the agent's own tables as the text that their casts read."""
    return [None if value is None else str(value).encode() for value in values]
