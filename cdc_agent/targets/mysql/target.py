"""The MySQL and MariaDB target: one session, its transactions, and the checkpoint that commits with the rows.

Implements `targets.base.Target`. The first statement of a transaction is the compare-and-set of the checkpoint row,
which is the echo marker as well; a transaction of one row takes three round trips. Foreign keys are not checked on
replicated rows (`triggers` auto or suppress); triggers cannot be suppressed in MySQL, so `suppress` refuses a table
that has one, as far as the TRIGGER privilege lets the agent see it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import pymysql

from cdc_agent.config.model import Database
from cdc_agent.engines.mysql import catalogue, durability, foreign_keys
from cdc_agent.engines.mysql.connection import Session, connect
from cdc_agent.engines.mysql.failures import error_number, is_disconnect, translate
from cdc_agent.errors import (
    AgentError,
    NotSetUp,
    OutcomeUnknown,
    RowRefused,
    TargetSchemaError,
    TargetUnavailable,
    TransactionAborted,
)
from cdc_agent.model.changes import TableName
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.refusals import Quarantined
from cdc_agent.model.remembered import Memory, Note, Remembered
from cdc_agent.model.steps import Step
from cdc_agent.model.tables import TargetTable, where_keys_act
from cdc_agent.store import mysql as sql
from cdc_agent.store import tables
from cdc_agent.targets.base import Missing
from cdc_agent.targets.mysql.wire import Wire
from cdc_agent.targets.mysql.writer import Writer

STATEMENT_TIMEOUT: Final = 1800
"""Seconds until a statement that the server does not answer counts as lost; dead lines are noticed much sooner."""

_SAVEPOINT: Final = "`cdc_agent_attempt`"
_ERROR_DURING_COMMIT: Final = 1180


class MysqlTarget:
    """One pipeline's writing end on MySQL or MariaDB; used by one thread."""

    def __init__(
        self, database: Database, *, name: str, triggers: Literal["auto", "fire", "suppress"] = "auto"
    ) -> None:
        self._database = database
        self._name = name
        self._triggers = triggers
        self._session: Session | None = None
        self._open_wire: Wire | None = None
        self._writer: Writer | None = None
        self._tables: dict[TableName, TargetTable | None] = {}
        self._acted_on: frozenset[TableName] | None = None
        """The tables that acting foreign keys refer to, once asked for."""

    # --- the session ---

    def connect(self) -> None:
        """Connect and set up the session. Raises TargetUnavailable, or PrivilegeMissing when refused."""
        self.close()
        self._session = connect(
            self._database,
            purpose=f"target {self._name}",
            autocommit=False,
            read_timeout=STATEMENT_TIMEOUT,
            local_infile=True,
            found_rows=True,
        )
        try:
            self._open_wire = wire = Wire(self._session)
            self._set_up_session(wire)
        except AgentError:
            self.close()
            raise
        self._writer = Writer(wire)

    def _set_up_session(self, wire: Wire) -> None:
        """READ COMMITTED takes no gap locks; somebody's DDL or forgotten transaction holds us for a minute at most."""
        checks = 1 if self._triggers == "fire" else 0
        wire.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "setting up the session")
        wire.run(
            f"SET SESSION foreign_key_checks = {checks}, innodb_lock_wait_timeout = 20, lock_wait_timeout = 60,"
            " wait_timeout = 86400, net_read_timeout = 120, net_write_timeout = 120",
            "setting up the session",
        )

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        session, self._session = self._session, None
        self._open_wire = self._writer = None
        self._tables.clear()
        self._acted_on = None
        if session is not None:
            with contextlib.suppress(pymysql.MySQLError):
                session.close()

    @property
    def _wire(self) -> Wire:
        if self._open_wire is None:
            raise TargetUnavailable(f"not connected to {self._name}")
        return self._open_wire

    @property
    def _writing(self) -> Writer:
        if self._writer is None:
            raise TargetUnavailable(f"not connected to {self._name}")
        return self._writer

    def unsure(self) -> str | None:
        """See `targets.base.Target`."""
        found = self._wire.select(durability.QUESTION, (), "looking at the server's settings")
        self._end("ROLLBACK")
        return durability.unsure(found)

    # --- the catalogue ---

    def describe(self, schema: str, name: str) -> TargetTable | None:
        """The table as the catalogue has it, cached until `forget`. TargetSchemaError for `suppress` and triggers."""
        place = (schema, name)
        if place not in self._tables:
            if self._triggers == "suppress":
                self._refuse_triggers(schema, name)
            self._tables[place] = self._seen(catalogue.describe(self._wire.session, schema, name))
        return self._tables[place]

    def foresee(self, names: Sequence[TableName]) -> None:
        """See `targets.base.Target`. What may have to be refused (`suppress`) is looked at one by one."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._tables]
        if len(unknown) > 1 and self._triggers != "suppress":
            found = catalogue.describe_all(self._wire.session, unknown)
            self._tables.update({name: self._seen(table) for name, table in found.items()})

    def _seen(self, table: TargetTable | None) -> TargetTable | None:
        """The table as foreign keys treat it in this session."""
        if table is None or self._triggers != "fire":
            return table
        if self._acted_on is None:
            self._acted_on = foreign_keys.acted_on(self._wire.session)
        return where_keys_act(table, self._acted_on)

    def _refuse_triggers(self, schema: str, name: str) -> None:
        found = catalogue.triggers(self._wire.session, schema, name)
        if found:
            raise TargetSchemaError(
                f"{schema}.{name} has triggers ({', '.join(found)}), and MySQL cannot suppress them",
                hint="drop the triggers, or set `triggers: fire` or `auto` on the pipeline",
            )

    def forget(self) -> None:
        """Forget every description and everything made from it."""
        self._tables.clear()
        self._acted_on = None
        if self._writer is not None:
            self._writer.forget()

    # --- the checkpoint ---

    def checkpoint(self, pipeline: str, *, settled: bool = False) -> Checkpoint | None:
        """The pipeline's row, or None. Raises NotSetUp, TablesOutdated, TablesTooNew, PositionUnreadable."""
        found = self._read_locked(pipeline) if settled else self._read(sql.READ, pipeline)
        self._end("ROLLBACK")
        return found

    def take_over(self, pipeline: str, host: str) -> Checkpoint:
        """Raise the generation in a transaction of its own. Raises NotSetUp and what `checkpoint` raises."""
        before = self._read_locked(pipeline)
        if before is None:
            self._end("ROLLBACK")
            raise NotSetUp(f"pipeline {pipeline} has no checkpoint on {self._name}")
        after = replace(before, generation=before.generation + 1, host=host)
        arguments = (*tables.checkpoint_values(after), pipeline, before.generation)
        self._wire.execute(sql.TAKE_OVER, arguments, "taking over the checkpoint")
        self.commit()
        return after

    def _read_locked(self, pipeline: str) -> Checkpoint | None:
        """The row, once whoever was writing it has ended.

        MariaDB refuses a locking read whose row changed while it waited (innodb_snapshot_isolation, on by default from
        11.6.2: https://mariadb.com/kb/en/innodb-system-variables/#innodb_snapshot_isolation): the next one sees it.
        """
        try:
            return self._read(sql.READ_AND_LOCK, pipeline)
        except TransactionAborted:
            self._end("ROLLBACK")
            return self._read(sql.READ_AND_LOCK, pipeline)

    def _read(self, statement: str, pipeline: str) -> Checkpoint | None:
        try:
            rows = self._wire.select(statement, (pipeline,), "reading cdc_agent.checkpoint")
        except TargetSchemaError as error:
            raise NotSetUp(f"{self._name} has no checkpoint tables") from error
        return tables.claimed(rows[0], self._name) if rows else None

    # --- transactions ---

    def begin(self, checkpoint: Checkpoint) -> None:
        """Start a transaction by the compare-and-set of the checkpoint. Raises TakenOver."""
        self._writing.staging.empty()
        self._compare_and_set(checkpoint)

    def finish(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint's final form in the open transaction."""
        self._compare_and_set(checkpoint)

    def _compare_and_set(self, checkpoint: Checkpoint) -> None:
        arguments = (*tables.checkpoint_values(checkpoint), checkpoint.pipeline, checkpoint.generation)
        try:
            matched = self._wire.execute(sql.WRITE, arguments, "writing the checkpoint")
        except TransactionAborted:
            self.rollback()
            raise
        except TargetSchemaError as error:
            raise NotSetUp(f"{self._name} has no checkpoint tables") from error
        if not matched:
            found = self._wire.select(sql.HOLDER, (checkpoint.pipeline,), "reading cdc_agent.checkpoint")
            self.rollback()
            holder = Holder(*found[0]) if found else None
            raise tables.taken_over(checkpoint.pipeline, checkpoint.generation, holder)

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        """Apply the steps in order. Raises RowRefused; TransactionAborted with everything rolled back."""
        writer = self._writing
        try:
            for step in steps:
                writer.write(step, missing)
        except TransactionAborted:
            # A lock timeout (1205) rolls back the statement only: the rest of the transaction must go too.
            self.rollback()
            raise

    def attempt(self, steps: Sequence[Step], missing: Missing) -> RowRefused | None:
        """Apply inside a savepoint; the refusal, with the savepoint rolled back, or None."""
        self._wire.run(f"SAVEPOINT {_SAVEPOINT}", "setting a savepoint")
        try:
            self.apply(steps, missing)
        except RowRefused as refusal:
            self._wire.run(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}", "rolling back to a savepoint")
            return refusal
        self._wire.run(f"RELEASE SAVEPOINT {_SAVEPOINT}", "releasing a savepoint")
        return None

    def quarantine(self, pipeline: str, entries: Sequence[Quarantined]) -> None:
        """Insert rows into cdc_agent.quarantine in the open transaction."""
        for entry in entries:
            self._wire.execute(
                sql.ADD_QUARANTINED, tables.quarantine_values(pipeline, entry), "writing to cdc_agent.quarantine"
            )

    def recall(self, pipeline: str) -> Memory:
        """All that is remembered of the pipeline's tables."""
        known = self._wire.select(sql.RECALL, (pipeline,), "reading cdc_agent.schema")
        states = self._wire.select(sql.RECALL_STATES, (pipeline,), "reading cdc_agent.table_state")
        self._end("ROLLBACK")
        return Memory([tables.remembered(row) for row in known], [tables.table_state(row) for row in states])

    def remember(self, pipeline: str, notes: Sequence[Note]) -> None:
        """Write what is known of tables in the open transaction."""
        for note in notes:
            if not isinstance(note, Remembered):
                values = tables.state_values(pipeline, note)
                self._wire.execute(sql.NOTE_STATE, values, "writing cdc_agent.table_state")
                continue
            values = tables.schema_values(pipeline, note)
            statement, sent = (sql.REMEMBER, values) if note.description else (sql.FORGET, values[:-1])
            self._wire.execute(statement, sent, "writing cdc_agent.schema")

    def alter(self, statement: str) -> None:
        """Run one statement of DDL, which commits by itself."""
        self._wire.run(statement, "altering a table")
        self.forget()

    def commit(self, history: Checkpoint | None = None) -> None:
        """Commit, with a line of history first if given. Raises OutcomeUnknown when the answer did not arrive."""
        if history is not None:
            self._wire.execute(sql.ADD_HISTORY, tables.history_values(history), "writing the checkpoint's history")
            self._wire.execute(sql.PRUNE_HISTORY, (history.pipeline,), "pruning the checkpoint's history")
        session = self._wire.session
        try:
            session.query("COMMIT")
        except pymysql.MySQLError as error:
            if is_disconnect(error) or error_number(error) == _ERROR_DURING_COMMIT:
                raise OutcomeUnknown("the connection broke while the target was committing") from error
            raise translate(error, "committing") from error

    def rollback(self) -> None:
        """Roll back what is open; a connection that is gone has done so by itself."""
        with contextlib.suppress(TargetUnavailable):
            self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        self._wire.run(statement, "ending a transaction")
