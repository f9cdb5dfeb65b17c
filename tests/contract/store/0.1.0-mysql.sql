CREATE DATABASE IF NOT EXISTS `cdc_agent` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS `cdc_agent`.`schema_version` (
    `version`     INT         NOT NULL PRIMARY KEY,
    `created_at`  DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

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
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

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
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

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
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO `cdc_agent`.`schema_version` (`version`) VALUES (1);
