CREATE SCHEMA IF NOT EXISTS cdc_agent;

CREATE TABLE IF NOT EXISTS cdc_agent.schema_version (
    version     integer     NOT NULL PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

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
) WITH (fillfactor = 10);

CREATE TABLE IF NOT EXISTS cdc_agent.checkpoint_history (
    id                  bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline            text             NOT NULL,
    generation          bigint           NOT NULL,
    position            text             NOT NULL,
    source_commit_time  double precision,
    transactions        bigint           NOT NULL,
    changes             bigint           NOT NULL,
    written_at          timestamptz      NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX IF NOT EXISTS checkpoint_history_pipeline_written_at
    ON cdc_agent.checkpoint_history (pipeline, written_at);

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
);

CREATE INDEX IF NOT EXISTS quarantine_pipeline_state
    ON cdc_agent.quarantine (pipeline, state, id);

INSERT INTO cdc_agent.schema_version (version) VALUES (1) ON CONFLICT DO NOTHING;
