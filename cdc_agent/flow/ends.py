"""From a configuration's names to sources, targets and routes: the one place that knows the ends of every engine.

It is the lowest one that may: sources and targets know nothing of each other. A further engine adds two lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Protocol

from cdc_agent.config.model import Config, Database
from cdc_agent.config.names import publication_name, slot_name, split_name
from cdc_agent.failpoints import armed
from cdc_agent.flow.failing import FailingSource, FailingTarget
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.engines import Engine
from cdc_agent.schema.words import Servers, Speaker
from cdc_agent.sources.assemble import Report
from cdc_agent.sources.base import Log, Reader, Source
from cdc_agent.sources.mysql.log import MysqlLog
from cdc_agent.sources.postgres.log import PostgresLog
from cdc_agent.targets.base import Target
from cdc_agent.targets.mysql import MysqlTarget
from cdc_agent.targets.postgres import PostgresTarget


class _MakesTarget(Protocol):
    def __call__(self, database: Database, *, name: str, triggers: Literal["auto", "fire", "suppress"]) -> Target: ...


LOGS: Final[Mapping[Engine, Log]] = {Engine.POSTGRES: PostgresLog(), Engine.MYSQL: MysqlLog()}
TARGETS: Final[Mapping[Engine, _MakesTarget]] = {Engine.POSTGRES: PostgresTarget, Engine.MYSQL: MysqlTarget}


def log(database: Database) -> Log:
    """The log of a database's server."""
    return LOGS[database.engine]


def reader(config: Config, pipeline: str) -> Reader:
    """A pipeline as its source's server knows it."""
    settings = config.pipelines[pipeline]
    database = config.databases[settings.source]
    plain = [route.from_ for route in settings.tables if "*" not in route.from_]
    return Reader(
        pipeline=pipeline,
        source=settings.source,
        target=settings.target,
        database=database,
        slot=slot_name(pipeline, settings),
        publication=publication_name(pipeline, settings),
        named=frozenset(split_name(name, database.default_schema) for name in plain),
    )


def source(config: Config, pipeline: str, report: Report) -> Source:
    """The reading end of a pipeline, not yet connected."""
    reads = reader(config, pipeline)
    made = log(reads.database).source(reads, report)
    return FailingSource(made) if armed() else made


def target(config: Config, pipeline: str) -> Target:
    """The writing end of a pipeline, not yet connected."""
    settings = config.pipelines[pipeline]
    database = config.databases[settings.target]
    made = TARGETS[database.engine](database, name=settings.target, triggers=settings.triggers)
    return FailingTarget(made) if armed() else made


def speaker(config: Config, pipeline: str, routes: Routes) -> Speaker:
    """Who knows how changes of a pipeline's schemas are spelled."""
    return Servers(config, pipeline, routes)


def routes(config: Config, pipeline: str) -> Routes:
    """The routing table of a pipeline."""
    settings = config.pipelines[pipeline]
    origin, destination = config.databases[settings.source], config.databases[settings.target]
    return Routes(
        settings,
        source_engine=origin.engine.value,
        source_default_schema=origin.default_schema,
        target_default_schema=destination.default_schema,
    )
