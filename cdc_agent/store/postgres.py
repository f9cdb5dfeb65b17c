"""The store's tables in PostgreSQL's SQL.

`MIGRATIONS` and `ADMIN` are for setup, status, quarantine and teardown; the others for the target, which sends them
together with the rows (``$1`` parameters, each with a cast, since their values are text).

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc_agent.engines.postgres.identifiers import quote
from cdc_agent.model import echo
from cdc_agent.store import tables
from cdc_agent.store.statements import Migration, Statement, Statements, rows_of

_FIRST: Final = (
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.schema_version (
        version     integer     NOT NULL PRIMARY KEY,
        created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.checkpoint (
        pipeline            text             NOT NULL PRIMARY KEY,
        source              text             NOT NULL,
        path                text             NOT NULL,
        generation          bigint           NOT NULL,
        position            text             NOT NULL,
        source_identity     text             NOT NULL,
        source_commit_time  double precision,
        transactions        bigint           NOT NULL DEFAULT 0,
        changes             bigint           NOT NULL DEFAULT 0,
        echoes              bigint           NOT NULL DEFAULT 0,
        quarantined         bigint           NOT NULL DEFAULT 0,
        host                text             NOT NULL,
        started_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
        updated_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
        mark                text             NOT NULL
    ) WITH (fillfactor = 10)  -- the row is updated all the time: room on its page keeps that HOT
    """,
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.checkpoint_history (
        id                  bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pipeline            text             NOT NULL,
        generation          bigint           NOT NULL,
        position            text             NOT NULL,
        source_commit_time  double precision,
        transactions        bigint           NOT NULL,
        changes             bigint           NOT NULL,
        written_at          timestamptz      NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS checkpoint_history_pipeline_written_at
        ON cdc_agent.checkpoint_history (pipeline, written_at)
    """,
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.quarantine (
        id                  bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pipeline            text             NOT NULL,
        source_table        text             NOT NULL,
        target_table        text             NOT NULL,
        operation           text             NOT NULL,
        row_data            text             NOT NULL,
        column_name         text,
        reason              text             NOT NULL,
        code                text             NOT NULL,
        position            text             NOT NULL,
        source_commit_time  double precision,
        quarantined_at      timestamptz      NOT NULL DEFAULT clock_timestamp(),
        state               text             NOT NULL DEFAULT 'waiting'
    )
    """,
    """
    CREATE INDEX IF NOT EXISTS quarantine_pipeline_state
        ON cdc_agent.quarantine (pipeline, state, id)
    """,
)

_SECOND: Final = (
    """
    ALTER TABLE cdc_agent.checkpoint_history
        ADD COLUMN IF NOT EXISTS source_identity text,
        ADD COLUMN IF NOT EXISTS label text
    """,
    """
    ALTER TABLE cdc_agent.quarantine
        ADD COLUMN IF NOT EXISTS old_row text,
        ADD COLUMN IF NOT EXISTS new_row text,
        ADD COLUMN IF NOT EXISTS old_key text,
        ADD COLUMN IF NOT EXISTS new_key text
    """,
    """
    CREATE INDEX IF NOT EXISTS quarantine_pipeline_table
        ON cdc_agent.quarantine (pipeline, target_table, state, id)
    """,
)

_THIRD: Final = (
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.schema (
        pipeline       text        NOT NULL,
        aspect         text        NOT NULL,
        source_schema  text        NOT NULL,
        source_table   text        NOT NULL,
        target_schema  text        NOT NULL,
        target_table   text        NOT NULL,
        description    text        NOT NULL,
        written_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pipeline, aspect, source_schema, source_table, target_schema, target_table)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.table_state (
        pipeline       text        NOT NULL,
        source_schema  text        NOT NULL,
        source_table   text        NOT NULL,
        target_schema  text        NOT NULL,
        target_table   text        NOT NULL,
        state          text        NOT NULL,
        code           text        NOT NULL,
        reason         text        NOT NULL,
        statement      text        NOT NULL,
        pending        text        NOT NULL,
        since          timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (pipeline, source_schema, source_table, target_schema, target_table)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS cdc_agent.audit (
        id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        acted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor      text        NOT NULL,
        act        text        NOT NULL,
        pipeline   text        NOT NULL,
        subject    text        NOT NULL,
        details    text        NOT NULL,
        digest     text        NOT NULL
    )
    """,
)

MIGRATIONS: Final = (
    Migration(1, tuple(map(Statement, _FIRST))),
    Migration(2, tuple(map(Statement, _SECOND))),
    Migration(3, tuple(map(Statement, _THIRD))),
)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(quote(column) for column in columns)


ADMIN: Final = Statements(
    patience="SET lock_timeout = '15s'",
    schema_exists="SELECT 1 FROM pg_namespace WHERE nspname = 'cdc_agent'",
    create_schema="CREATE SCHEMA IF NOT EXISTS cdc_agent",
    drop_schema="DROP SCHEMA IF EXISTS cdc_agent CASCADE",
    migrations=MIGRATIONS,
    note=lambda versions: (
        f"INSERT INTO cdc_agent.schema_version (version) VALUES {rows_of(versions)} ON CONFLICT DO NOTHING"
    ),
    age="EXTRACT(EPOCH FROM clock_timestamp() - updated_at)",
)

# --- what the target sends

_CASTS: Final = {
    "generation": "bigint",
    "source_commit_time": "double precision",
    **dict.fromkeys(("transactions", "changes", "echoes", "quarantined"), "bigint"),
}


def _parameter(place: int, column: str) -> str:
    return f"${place}::{_CASTS.get(column, 'text')}"


def _update_checkpoint() -> bytes:
    sets = ", ".join(
        f"{quote(column)} = {_parameter(place, column)}"
        for place, column in enumerate(tables.CHECKPOINT_COLUMNS, 1)
        if column not in ("pipeline", "generation")
    )
    return (
        f"UPDATE cdc_agent.checkpoint SET {sets}, updated_at = clock_timestamp() "
        "WHERE pipeline = $1::text AND generation = $4::bigint"
    ).encode()


def _insert(table: str, columns: Sequence[str]) -> bytes:
    values = ", ".join(_parameter(place, column) for place, column in enumerate(columns, 1))
    return f"INSERT INTO cdc_agent.{quote(table)} ({_listed(columns)}) VALUES ({values})".encode()


WRITE: Final = _update_checkpoint()
"""The compare-and-set: all of `tables.checkpoint_values`; no row when the generation has moved."""

_PATH: Final = tables.CHECKPOINT_COLUMNS.index("path") + 1
WRITE_AND_MARK: Final = (
    WRITE + f" RETURNING pg_catalog.pg_logical_emit_message(true, '{echo.MESSAGE_PREFIX}', ${_PATH}::text)".encode()
)
"""`WRITE` with the logical message, where the role may emit one."""

READ: Final = (
    f"SELECT {_listed(tables.CHECKPOINT_COLUMNS)}, (SELECT max(version) FROM cdc_agent.schema_version) "
    "FROM cdc_agent.checkpoint WHERE pipeline = $1::text"
).encode()
"""The row that `tables.claimed` reads; no row without a checkpoint."""

READ_AND_LOCK: Final = READ + b" FOR UPDATE"

TAKE_OVER: Final = b"""
UPDATE cdc_agent.checkpoint
SET generation = $2::bigint, host = $3::text, mark = $4::text,
    started_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE pipeline = $1::text
"""
"""pipeline, generation, host, mark."""

HOLDER: Final = b"""
SELECT generation, host, to_char(started_at, 'HH24:MI:SS') FROM cdc_agent.checkpoint WHERE pipeline = $1::text
"""
"""The fields of a `Holder`."""

ADD_HISTORY: Final = _insert("checkpoint_history", tables.HISTORY_COLUMNS)
"""`tables.history_values`."""

PRUNE_HISTORY: Final = f"""
DELETE FROM cdc_agent.checkpoint_history
WHERE id IN (
    SELECT id FROM cdc_agent.checkpoint_history
    WHERE pipeline = $1::text AND written_at < now() - interval '{tables.HISTORY_DAYS} days' AND label IS NULL
    ORDER BY written_at LIMIT {tables.PRUNED_AT_ONCE}
)
""".encode()
"""pipeline."""

ADD_QUARANTINED: Final = _insert("quarantine", tables.QUARANTINE_COLUMNS)
"""`tables.quarantine_values`."""

RECALL: Final = (
    f"SELECT {_listed(tables.SCHEMA_COLUMNS[1:])} FROM cdc_agent.schema WHERE pipeline = $1::text "
    "ORDER BY source_schema, source_table, target_schema, target_table"
).encode()
"""The rows that `tables.remembered` reads."""

RECALL_STATES: Final = (
    f"SELECT {_listed(tables.STATE_COLUMNS[1:])}, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') "
    "FROM cdc_agent.table_state WHERE pipeline = $1::text "
    "ORDER BY source_schema, source_table, target_schema, target_table"
).encode()
"""The rows that `tables.table_state` reads."""


def _upsert(table: str, columns: Sequence[str], key: Sequence[str], more: str) -> bytes:
    sets = ", ".join(f"{quote(one)} = excluded.{quote(one)}" for one in columns if one not in key)
    return (_insert(table, columns).decode() + f" ON CONFLICT ({_listed(key)}) DO UPDATE SET {sets}, {more}").encode()


REMEMBER: Final = _upsert("schema", tables.SCHEMA_COLUMNS, tables.SCHEMA_KEY, "written_at = clock_timestamp()")
"""`tables.schema_values`."""

FORGET: Final = (
    b"DELETE FROM cdc_agent.schema WHERE pipeline = $1::text AND aspect = $2::text AND source_schema = $3::text "
    b"AND source_table = $4::text AND target_schema = $5::text AND target_table = $6::text"
)
"""`tables.schema_values` without the description."""

NOTE_STATE: Final = _upsert(
    "table_state",
    tables.STATE_COLUMNS,
    tables.STATE_KEY,
    "since = CASE WHEN table_state.state = excluded.state THEN table_state.since ELSE clock_timestamp() END",
)
"""`tables.state_values`."""
