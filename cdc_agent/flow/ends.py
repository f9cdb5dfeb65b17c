"""From a configuration's names to sources, targets and routes: the one place that chooses by engine."""

from __future__ import annotations

from cdc_agent.config.model import Config, Database, Engine
from cdc_agent.config.names import publication_name, slot_name
from cdc_agent.mapping.routes import Routes
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import Source
from cdc_agent.sources.mysql.source import MysqlSource
from cdc_agent.sources.postgres.source import PostgresSource
from cdc_agent.targets.base import Target
from cdc_agent.targets.mysql import MysqlTarget
from cdc_agent.targets.postgres import PostgresTarget


def source(config: Config, pipeline: str, report: Report) -> Source:
    """The reading end of a pipeline, not yet connected."""
    settings = config.pipelines[pipeline]
    database = config.databases[settings.source]
    if database.engine is Engine.MYSQL:
        return MysqlSource(database, name=settings.source, target=settings.target, pipeline=pipeline, report=report)
    return PostgresSource(
        database,
        name=settings.source,
        target=settings.target,
        pipeline=pipeline,
        slot=slot_name(pipeline, settings),
        publication=publication_name(pipeline, settings),
        report=report,
    )


def target(config: Config, pipeline: str) -> Target:
    """The writing end of a pipeline, not yet connected."""
    settings = config.pipelines[pipeline]
    database = config.databases[settings.target]
    kind = MysqlTarget if database.engine is Engine.MYSQL else PostgresTarget
    return kind(database, name=settings.target, triggers=settings.triggers)


def routes(config: Config, pipeline: str) -> Routes:
    """The routing table of a pipeline."""
    settings = config.pipelines[pipeline]
    origin, destination = config.databases[settings.source], config.databases[settings.target]
    return Routes(
        settings,
        source_engine=origin.engine.value,
        source_default_schema=default_schema(origin),
        target_default_schema=default_schema(destination),
    )


def default_schema(database: Database) -> str:
    """The schema of a table name without one."""
    return database.name if database.engine is Engine.MYSQL else "public"
