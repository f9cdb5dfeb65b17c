"""Every error that a person or the recovery rules act on: a class, a stable code, a message and a hint.

Drivers' errors are translated into these at the edge (`sources/`, `targets/`) with the driver's error as the cause;
what happens next is decided in `recovery` alone. A message never holds a row value or a secret: it names tables,
columns, constraints, SQLSTATEs and positions. docs/errors.md lists every code, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class AgentError(Exception):
    """The base of all: `code` is stable across releases, `hint` says what a person can do."""

    code: ClassVar[str] = "CA000"
    hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = self.hint if hint is None else hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return self.message

    def render(self) -> str:
        """The form for people: ``error CK002: …`` with details and hint on indented lines."""
        lines = [f"error {self.code}: {self.message}", *(f"  {detail}" for detail in self.details)]
        if self.advice:
            lines.append(f"  hint: {self.advice}")
        return "\n".join(lines)


class Retryable(AgentError):
    """Passes by itself more often than not: lost connection, deadlock, restart. Retried with backoff and jitter."""


class Fatal(AgentError):
    """Stops the pipeline until a person acts; nothing is lost by stopping."""


# --- configuration (CF) ------------------------------------------------------------------------------------------


class ConfigError(Fatal):
    """One or more problems in a configuration file, all reported at once."""

    code = "CF001"
    hint = "cdc-agent check -c FILE reports every problem at once"


# --- checkpoints (CK) --------------------------------------------------------------------------------------------


class NotSetUp(Fatal):
    code = "CK001"
    hint = "cdc-agent setup -c FILE creates the checkpoint tables, slots and publications"


class TakenOver(Fatal):
    code = "CK002"
    hint = "stop one of the two; `cdc-agent status` shows both"


class ForeignCheckpoint(Fatal):
    """The checkpoint was made on another server than the one that the source's URL leads to now."""

    code = "CK003"
    hint = "point the URL at the original server, or run teardown and setup for this pipeline and copy its rows again"


class PositionUnreadable(Fatal):
    code = "CK004"
    hint = "restore the row from cdc_agent.checkpoint_history"


class TablesOutdated(Fatal):
    """The store's tables on a target were made by an older version of the program."""

    code = "CK005"
    hint = "cdc-agent setup -c FILE --upgrade brings them up to date; what is in them stays"


class TablesTooNew(Fatal):
    """The store's tables on a target were upgraded by a newer version of the program."""

    code = "CK006"
    hint = "use the newer program: tables that were upgraded do not go back"


class ExistingRows(Fatal):
    """Source tables hold rows from before the first checkpoint, and the target tables hold none."""

    code = "CK007"
    hint = (
        "copy the rows by hand first (with the applications stopped until setup is done), or go on knowingly with "
        "cdc-agent setup -c FILE --existing-rows ignore: only what changes from then on is replicated"
    )


# --- reading and decoding (DC) -----------------------------------------------------------------------------------


class DecodeError(Fatal):
    """The log holds something that this version cannot read; skipping it would lose changes."""

    code = "DC001"
    hint = "nothing was skipped; report the server version and the event named above"


# --- the source's log (SL) ---------------------------------------------------------------------------------------


class SourceUnavailable(Retryable):
    """The source cannot be reached, or cut the connection."""

    code = "SL001"
    hint = "the agent keeps trying; look at the source's own log"


class LogGone(Fatal):
    """The log behind the checkpoint no longer exists (slot lost, WAL removed, binlog purged)."""

    code = "SL002"
    hint = "changes are missing: run teardown, copy the rows of its tables to the target again, and run setup"


class LogUnusable(Fatal):
    """The source does not log what replication needs."""

    code = "SL003"


class SlotInUse(Retryable):
    """Another connection reads the replication slot: another agent, or the dead one's that the server still holds."""

    code = "SL004"
    hint = "if the process named above is not an agent's that is about to end, stop it; a slot has one reader"


class SourceSchemaError(Fatal):
    """The source's tables are not what the mapping needs."""

    code = "SL005"


class ServerIdTaken(Fatal):
    """Another replica of the MySQL source uses this agent's server_id, and each throws the other out."""

    code = "SL006"
    hint = "two agents or replicas share one server_id: stop one, or give the database another server_id"


class NotYetVisible(Retryable):
    """The source's log has told of transactions that its other sessions do not see yet, and rows are to be read."""

    code = "SL007"
    hint = (
        "look for commits on the source that wait for a synchronous standby or a semi-synchronous replica, and for a "
        "transaction that holds the row"
    )


class PublicationAltered(Fatal):
    """The publication leaves out changes of routed tables: somebody altered it, or a table is not in it."""

    code = "SL008"
    hint = (
        "cdc-agent setup -c FILE mends a publication that the agent's role owns, else alter it back; changes made "
        "meanwhile are not in the log, and the target lacks them"
    )


class UpdatesWouldFail(Fatal):
    """Tables without a replica identity are not published unasked: their updates would fail on the source."""

    code = "SL009"
    hint = (
        "give them a primary key or REPLICA IDENTITY FULL, or exclude them; cdc-agent setup -c FILE --without-identity "
        "publishes them all the same"
    )


# --- the target (TG) ---------------------------------------------------------------------------------------------


class TargetUnavailable(Retryable):
    """The target cannot be reached, cut the connection, is read-only or is full."""

    code = "TG001"
    hint = "the agent keeps trying; look at the target's own log"


class TransactionAborted(Retryable):
    """Deadlock, serialization failure or lock timeout: the whole batch is tried again."""

    code = "TG002"


class OutcomeUnknown(Retryable):
    """The connection broke after COMMIT was sent; the checkpoint tells what happened."""

    code = "TG003"


class FailpointReached(Retryable):
    """A test asked for a failure here."""

    code = "FP001"
    hint = "unset CDC_FAILPOINT, which is for tests"


class RowRefused(AgentError):
    """The target refused a row: too long, bad value, constraint. Bisected and put into quarantine by the pipeline."""

    code = "TG004"


class TargetSchemaError(Fatal):
    """The target's tables are not what the mapping needs."""

    code = "TG005"


class PrivilegeMissing(Fatal):
    code = "TG006"
    hint = "cdc-agent grants -c FILE prints the least rights that work"


class RefusalStorm(Fatal):
    """More than the set share of rows was refused."""

    code = "TG007"
    hint = "look at cdc_agent.quarantine on the target for the reasons, mend the mapping or the tables, then restart"


# --- changes of schemas in mid-stream (SC) ------------------------------------------------------------------------


class SchemaChange(Retryable):
    """Tables have changed so that values would be lost: nothing behind the change is applied until it is mended.

    The pipeline waits, and goes on by itself once the target has followed or a person has accepted the change.
    """


class SourceChanged(SchemaChange):
    """A source table has changed, and its target table does not hold what it brings."""

    code = "SC001"
    hint = (
        "change the target as shown above, and the agent goes on by itself; or `cdc-agent schema accept` to go on "
        "without it"
    )


class TargetLost(SchemaChange):
    """A target table has lost a column that was replicated."""

    code = "SC002"
    hint = "give the target the column again, or `cdc-agent schema accept` to go on without it"


class TargetTableMissing(SchemaChange):
    """A source table has rows, and its target table is not there."""

    code = "SC003"
    hint = "create it as shown above, and the agent goes on by itself; or leave the table out with `exclude`"


# --- any database (DB) -------------------------------------------------------------------------------------------


class DatabaseFault(Fatal):
    """A server reported an error that no rule covers."""

    code = "DB001"
    hint = "look at the server's own log for the statement and its reason"


class KeysHidden(Fatal):
    """A table has a foreign key, and the server shows the agent's user nowhere what it does to rows."""

    code = "DB002"
    hint = "grant SELECT on the whole table: SHOW CREATE TABLE must show its foreign keys to the agent's user"


# --- tables read without a log (TB) ------------------------------------------------------------------------------


class TableMissing(Fatal):
    """A table that is to be read does not exist, or the agent's role has no right on it."""

    code = "TB001"
    hint = "create it, or grant SELECT on it; cdc-agent grants -c FILE prints the least rights that work"


class NoKeyOrder(Fatal):
    """A table's rows cannot be read by ranges of its key, since no index holds them in an order to continue from."""

    code = "TB002"
    hint = "give the table a primary key of whole columns in one direction; until then it can only be read whole"


class TableChanged(Fatal):
    """A table is no longer as it was described when its reading began."""

    code = "TB003"
    hint = "start the reading again: the table will be described anew"


class RowsOutdated(Fatal):
    """Rows that were read apart from the log have been changed since in a way that the log does not tell."""

    code = "TB004"
    hint = "read them again"


# --- mapping (MP) ------------------------------------------------------------------------------------------------


class ExpressionError(Fatal):
    """An expression of the mapping cannot be compiled."""

    code = "MP001"


class ColumnGone(Fatal):
    """A column that a route needs is no longer in the source's log."""

    code = "MP002"
    hint = "change the route's columns, then restart"


class ValueRefused(Fatal):
    """A value does not fit its target column, and the route's policy is to stop."""

    code = "MP003"
    hint = "mend the value or the mapping, or set the route's `misfit` to quarantine or null"


class TruncateTooWide(Fatal):
    """A source table was truncated, and its target table holds rows of other source tables as well."""

    code = "MP004"
    hint = "set `truncate: false` on these routes, delete the table's rows on the target by hand, then restart"
