"""The store's tables in the SQL of MySQL and MariaDB.

`MIGRATIONS` and `ADMIN` are for setup, status, quarantine and teardown; the others for the target, which sends them
with the rows. Parameters are ``%s``.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cdc_agent.engines.mysql.identifiers import quote
from cdc_agent.store import tables
from cdc_agent.store.statements import Migration, Statement, Statements, rows_of

_TABLE: Final = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

_FIRST: Final = (
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`schema_version` (
        `version`     INT         NOT NULL PRIMARY KEY,
        `created_at`  DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    ) {_TABLE}
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
    ) {_TABLE}
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
    ) {_TABLE}
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
    ) {_TABLE}
    """,
)


def _column(table: str, column: str) -> str:
    return (
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'cdc_agent'"
        f" AND table_name = '{table}' AND column_name = '{column}'"
    )


def _index(table: str, index: str) -> str:
    return (
        "SELECT 1 FROM information_schema.statistics WHERE table_schema = 'cdc_agent'"
        f" AND table_name = '{table}' AND index_name = '{index}'"
    )


_SECOND: Final = (
    Statement(
        """
    ALTER TABLE `cdc_agent`.`checkpoint_history`
        ADD COLUMN `source_identity` VARCHAR(255),
        ADD COLUMN `label` VARCHAR(190)
    """,
        done=_column("checkpoint_history", "label"),
    ),
    Statement(
        """
    ALTER TABLE `cdc_agent`.`quarantine`
        ADD COLUMN `old_row` LONGTEXT,
        ADD COLUMN `new_row` LONGTEXT,
        ADD COLUMN `old_key` LONGTEXT,
        ADD COLUMN `new_key` LONGTEXT
    """,
        done=_column("quarantine", "new_key"),
    ),
    Statement(
        """
    ALTER TABLE `cdc_agent`.`quarantine`
        ADD KEY `quarantine_pipeline_table` (`pipeline`, `target_table`, `state`, `id`)
    """,
        done=_index("quarantine", "quarantine_pipeline_table"),
    ),
)

_THIRD: Final = (
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`schema` (
        `pipeline`       VARCHAR(190)  NOT NULL,
        `aspect`         VARCHAR(16)   NOT NULL,
        `source_schema`  VARCHAR(64)   NOT NULL,
        `source_table`   VARCHAR(64)   NOT NULL,
        `target_schema`  VARCHAR(64)   NOT NULL,
        `target_table`   VARCHAR(64)   NOT NULL,
        `description`    LONGTEXT      NOT NULL,
        `written_at`     DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        PRIMARY KEY (`pipeline`, `aspect`, `source_schema`, `source_table`, `target_schema`, `target_table`)
    ) {_TABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`table_state` (
        `pipeline`       VARCHAR(190)  NOT NULL,
        `source_schema`  VARCHAR(64)   NOT NULL,
        `source_table`   VARCHAR(64)   NOT NULL,
        `target_schema`  VARCHAR(64)   NOT NULL,
        `target_table`   VARCHAR(64)   NOT NULL,
        `state`          VARCHAR(16)   NOT NULL,
        `code`           VARCHAR(16)   NOT NULL,
        `reason`         TEXT          NOT NULL,
        `statement`      LONGTEXT      NOT NULL,
        `pending`        LONGTEXT      NOT NULL,
        `since`          DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        PRIMARY KEY (`pipeline`, `source_schema`, `source_table`, `target_schema`, `target_table`)
    ) {_TABLE}
    """,
    f"""
    CREATE TABLE IF NOT EXISTS `cdc_agent`.`audit` (
        `id`        BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `acted_at`  DATETIME(6)   NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
        `actor`     VARCHAR(255)  NOT NULL,
        `act`       VARCHAR(64)   NOT NULL,
        `pipeline`  VARCHAR(190)  NOT NULL,
        `subject`   TEXT          NOT NULL,
        `details`   LONGTEXT      NOT NULL,
        `digest`    CHAR(64)      NOT NULL
    ) {_TABLE}
    """,
)

MIGRATIONS: Final = (
    Migration(1, tuple(map(Statement, _FIRST))),
    Migration(2, _SECOND),
    Migration(3, tuple(map(Statement, _THIRD))),
)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(quote(column) for column in columns)


ADMIN: Final = Statements(
    patience="SET SESSION lock_wait_timeout = 15",
    schema_exists="SELECT 1 FROM information_schema.schemata WHERE schema_name = 'cdc_agent'",
    create_schema="CREATE DATABASE IF NOT EXISTS `cdc_agent` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    drop_schema="DROP DATABASE IF EXISTS `cdc_agent`",
    migrations=MIGRATIONS,
    note=lambda versions: f"INSERT IGNORE INTO `cdc_agent`.`schema_version` (`version`) VALUES {rows_of(versions)}",
    age="TIMESTAMPDIFF(MICROSECOND, `updated_at`, CURRENT_TIMESTAMP(6)) / 1000000",
)

# --- what the target sends

_CHECKPOINT: Final = "`cdc_agent`.`checkpoint`"


def _insert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO `cdc_agent`.{quote(table)} ({_listed(columns)}) VALUES ({values})"


def _update_checkpoint(more: str = "") -> str:
    sets = ", ".join(f"{quote(column)} = %s" for column in tables.CHECKPOINT_COLUMNS)
    return (
        f"UPDATE {_CHECKPOINT} SET {sets}, `updated_at` = CURRENT_TIMESTAMP(6){more}"
        " WHERE `pipeline` = %s AND `generation` = %s"
    )


WRITE: Final = _update_checkpoint()
"""The compare-and-set: all of `tables.checkpoint_values`, then pipeline and generation; matches no row when the
generation has moved."""

TAKE_OVER: Final = _update_checkpoint(", `started_at` = CURRENT_TIMESTAMP(6)")
"""As `WRITE`, with the generation that was found as the last parameter."""

READ: Final = (
    f"SELECT {_listed(tables.CHECKPOINT_COLUMNS)}, (SELECT MAX(`version`) FROM `cdc_agent`.`schema_version`)"
    f" FROM {_CHECKPOINT} WHERE `pipeline` = %s"
)
"""The row that `tables.claimed` reads; no row without a checkpoint."""

READ_AND_LOCK: Final = f"{READ} FOR UPDATE"

HOLDER: Final = (
    f"SELECT `generation`, `host`, DATE_FORMAT(`started_at`, '%%H:%%i:%%s') FROM {_CHECKPOINT} WHERE `pipeline` = %s"
)
"""The fields of a `Holder`."""

ADD_HISTORY: Final = _insert("checkpoint_history", tables.HISTORY_COLUMNS)
"""`tables.history_values`."""

PRUNE_HISTORY: Final = (
    "DELETE FROM `cdc_agent`.`checkpoint_history` WHERE `pipeline` = %s"
    f" AND `written_at` < CURRENT_TIMESTAMP(6) - INTERVAL {tables.HISTORY_DAYS} DAY AND `label` IS NULL"
    f" ORDER BY `written_at` LIMIT {tables.PRUNED_AT_ONCE}"
)
"""pipeline."""

ADD_QUARANTINED: Final = _insert("quarantine", tables.QUARANTINE_COLUMNS)
"""`tables.quarantine_values`."""

RECALL: Final = (
    f"SELECT {_listed(tables.SCHEMA_COLUMNS[1:])} FROM `cdc_agent`.`schema` WHERE `pipeline` = %s"
    " ORDER BY `source_schema`, `source_table`, `target_schema`, `target_table`"
)
"""The rows that `tables.remembered` reads."""

RECALL_STATES: Final = (
    f"SELECT {_listed(tables.STATE_COLUMNS[1:])}, DATE_FORMAT(`since`, '%%Y-%%m-%%d %%H:%%i:%%s')"
    " FROM `cdc_agent`.`table_state` WHERE `pipeline` = %s"
    " ORDER BY `source_schema`, `source_table`, `target_schema`, `target_table`"
)
"""The rows that `tables.table_state` reads."""


def _upsert(table: str, columns: Sequence[str], key: Sequence[str], more: str) -> str:
    """`more` comes first: assignments see the values of those before them."""
    sets = ", ".join(f"{quote(one)} = VALUES({quote(one)})" for one in columns if one not in key)
    return f"{_insert(table, columns)} ON DUPLICATE KEY UPDATE {more}, {sets}"


REMEMBER: Final = _upsert("schema", tables.SCHEMA_COLUMNS, tables.SCHEMA_KEY, "`written_at` = CURRENT_TIMESTAMP(6)")
"""`tables.schema_values`."""

FORGET: Final = (
    "DELETE FROM `cdc_agent`.`schema` WHERE `pipeline` = %s AND `aspect` = %s AND `source_schema` = %s"
    " AND `source_table` = %s AND `target_schema` = %s AND `target_table` = %s"
)
"""`tables.schema_values` without the description."""

NOTE_STATE: Final = _upsert(
    "table_state",
    tables.STATE_COLUMNS,
    tables.STATE_KEY,
    "`since` = IF(`state` = VALUES(`state`), `since`, CURRENT_TIMESTAMP(6))",
)
"""`tables.state_values`."""
