"""The tables that an agent keeps on every target, as data: what `setup` creates and what both targets write.

In PostgreSQL they live in the schema ``cdc_agent``, in MySQL and MariaDB in the database ``cdc_agent``:

- ``checkpoint``: one row for each pipeline; written first in every apply transaction, and so the echo marker too;
- ``checkpoint_history``: earlier checkpoints, for replay;
- ``quarantine``: refused rows with their reason;
- ``schema_version``: one row, the version of these tables.

Nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, Final

from cdc_agent.config.model import Engine
from cdc_agent.errors import TakenOver
from cdc_agent.model import echo
from cdc_agent.model.checkpoints import Checkpoint, Holder
from cdc_agent.model.refusals import Quarantined

SCHEMA_VERSION: Final = 1

HISTORY_DAYS: Final = 7
"""Earlier checkpoints are kept this long; replay reaches no further back."""

CHECKPOINT_COLUMNS: Final = (
    "pipeline",
    "source",
    "path",
    "generation",
    "position",
    "source_identity",
    "source_commit_time",
    "transactions",
    "changes",
    "echoes",
    "quarantined",
    "host",
    "mark",
)
"""The columns that `checkpoint_values` fills; ``started_at`` and ``updated_at`` are the server's own clock."""

HISTORY_COLUMNS: Final = (
    "pipeline",
    "generation",
    "position",
    "source_commit_time",
    "transactions",
    "changes",
)

QUARANTINE_COLUMNS: Final = (
    "pipeline",
    "source_table",
    "target_table",
    "operation",
    "row_data",
    "column_name",
    "reason",
    "code",
    "position",
    "source_commit_time",
)

QUARANTINE_STATES: Final = ("waiting", "released", "discarded")

_POSTGRES: Final = (
    "CREATE SCHEMA IF NOT EXISTS cdc_agent",
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
    f"INSERT INTO cdc_agent.schema_version (version) VALUES ({SCHEMA_VERSION}) ON CONFLICT DO NOTHING",
)

_MYSQL_TABLE: Final = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

_MYSQL: Final = (
    "CREATE DATABASE IF NOT EXISTS `cdc_agent` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`schema_version` (
        `version`     INT         NOT NULL PRIMARY KEY,
        `created_at`  DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    ) {_MYSQL_TABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`checkpoint` (
        `pipeline`            VARCHAR(190)  NOT NULL PRIMARY KEY,
        `source`              VARCHAR(190)  NOT NULL,
        `path`                TEXT          NOT NULL,
        `generation`          BIGINT        NOT NULL,
        `position`            LONGTEXT      NOT NULL,
        `source_identity`     VARCHAR(255)  NOT NULL,
        `source_commit_time`  DOUBLE,
        `transactions`        BIGINT        NOT NULL DEFAULT 0,
        `changes`             BIGINT        NOT NULL DEFAULT 0,
        `echoes`              BIGINT        NOT NULL DEFAULT 0,
        `quarantined`         BIGINT        NOT NULL DEFAULT 0,
        `host`                VARCHAR(255)  NOT NULL,
        `started_at`          DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        `updated_at`          DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        `mark`                CHAR(32)      NOT NULL
    ) {_MYSQL_TABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`checkpoint_history` (
        `id`                  BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `pipeline`            VARCHAR(190)  NOT NULL,
        `generation`          BIGINT        NOT NULL,
        `position`            LONGTEXT      NOT NULL,
        `source_commit_time`  DOUBLE,
        `transactions`        BIGINT        NOT NULL,
        `changes`             BIGINT        NOT NULL,
        `written_at`          DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        KEY `checkpoint_history_pipeline_written_at` (`pipeline`, `written_at`)
    ) {_MYSQL_TABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`quarantine` (
        `id`                  BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `pipeline`            VARCHAR(190)  NOT NULL,
        `source_table`        VARCHAR(190)  NOT NULL,
        `target_table`        VARCHAR(190)  NOT NULL,
        `operation`           VARCHAR(16)   NOT NULL,
        `row_data`            LONGTEXT      NOT NULL,
        `column_name`         VARCHAR(190),
        `reason`              TEXT          NOT NULL,
        `code`                VARCHAR(16)   NOT NULL,
        `position`            LONGTEXT      NOT NULL,
        `source_commit_time`  DOUBLE,
        `quarantined_at`      DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        `state`               VARCHAR(16)   NOT NULL DEFAULT 'waiting',
        KEY `quarantine_pipeline_state` (`pipeline`, `state`, `id`)
    ) {_MYSQL_TABLE}
    """,
    f"INSERT IGNORE INTO `cdc_agent`.`schema_version` (`version`) VALUES ({SCHEMA_VERSION})",
)


def ddl(engine: Engine) -> list[str]:
    """The statements that create the tables; running them again changes nothing."""
    statements = _POSTGRES if engine is Engine.POSTGRES else _MYSQL
    return [statement.strip() for statement in statements]


def checkpoint_values(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """The values of `CHECKPOINT_COLUMNS`, with the mark that tells a genuine write."""
    path = echo.path_text(checkpoint.path)
    return (
        checkpoint.pipeline,
        checkpoint.source,
        path,
        checkpoint.generation,
        checkpoint.position,
        checkpoint.source_identity,
        checkpoint.source_commit_time,
        checkpoint.transactions,
        checkpoint.changes,
        checkpoint.echoes,
        checkpoint.quarantined,
        checkpoint.host,
        echo.mark(checkpoint.pipeline, checkpoint.generation, checkpoint.transactions, checkpoint.position, path),
    )


def history_values(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """The values of `HISTORY_COLUMNS`."""
    return (
        checkpoint.pipeline,
        checkpoint.generation,
        checkpoint.position,
        checkpoint.source_commit_time,
        checkpoint.transactions,
        checkpoint.changes,
    )


def quarantine_values(pipeline: str, entry: Quarantined) -> tuple[Any, ...]:
    """The values of `QUARANTINE_COLUMNS`."""
    return (
        pipeline,
        entry.source_table,
        entry.target_table,
        entry.operation,
        entry.row,
        entry.column,
        entry.reason,
        entry.code,
        entry.position,
        entry.source_commit_time,
    )


def read_checkpoint(row: tuple[Any, ...]) -> Checkpoint:
    """The checkpoint of a row whose columns are `CHECKPOINT_COLUMNS`. ValueError when its path is damaged."""
    (
        pipeline, source, path, generation, position, identity, commit_time,
        transactions, changes, echoes, quarantined, host, _,
    ) = row  # fmt: skip
    return Checkpoint(
        pipeline=pipeline,
        source=source,
        path=echo.read_path(path),
        generation=generation,
        position=position,
        source_identity=identity,
        source_commit_time=commit_time,
        transactions=transactions,
        changes=changes,
        echoes=echoes,
        quarantined=quarantined,
        host=host,
    )


def taken_over(pipeline: str, expected: int, found: Holder | None) -> TakenOver:
    """The error of a compare-and-set that met another generation, or no row at all."""
    if found is None:
        return TakenOver(
            f"the checkpoint of pipeline {pipeline} was removed",
            hint="cdc-agent setup makes a new one; what was committed since is not replicated",
        )
    who = f"host {found.host}, since {found.since}" if found.since else f"host {found.host}"
    return TakenOver(
        f"another agent took over pipeline {pipeline}",
        details=[f"expected generation {expected}, found {found.generation} ({who})"],
    )
