"""Copies a table through the second entrance while its pipeline runs; as a program, for tests that kill it.

`python -m tests.support.entering CONFIG PIPELINE SCHEMA TABLE ROWS` runs the pipeline and copies in chunks of ROWS rows,
and ends when the whole table has entered.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdc_agent.config.load import load
from cdc_agent.config.model import Config
from cdc_agent.errors import SourceUnavailable
from cdc_agent.flow.entrance import Entered, Entry
from cdc_agent.flow.pipeline import Pipeline
from cdc_agent.model.changes import TableName
from cdc_agent.model.values import Row
from cdc_agent.tables.base import TableReader
from cdc_agent.tables.registry import tables

ENTER_SECONDS = 180.0


@contextmanager
def running(config: Config, name: str) -> Iterator[Pipeline]:
    """The pipeline in a thread of this process; its error is raised at the end."""
    stop, errors = threading.Event(), []
    pipeline = Pipeline(config, name, stop=stop)

    def run() -> None:
        try:
            pipeline.run()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: raised below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield pipeline
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


def copy(
    reader: TableReader, pipeline: Pipeline, table: TableName, size: int, *, watched: bool = True
) -> list[Entered]:
    """Enter the whole table, chunk after chunk, each once its rows are no newer than what the stream has applied."""
    description = reader.describe(table)
    outcomes: list[Entered] = []
    after: Row | None = None
    with pipeline.entrance.watch(table) as watch:
        while True:
            upto = reader.key_after(description, after, size)
            rows = reader.range(description, after, upto, sys.maxsize)
            entry = Entry.of_rows(description.table, rows, behind=reader.position(), watch=watch if watched else None)
            outcomes.append(pipeline.entrance.put(entry).result(ENTER_SECONDS))
            if upto is None:
                return outcomes
            after = upto


def main(config: str, name: str, schema: str, table: str, size: str) -> None:
    settings = load(Path(config))
    source = settings.databases[settings.pipelines[name].source]
    reader = tables(source, "enters rows", unavailable=SourceUnavailable)
    with running(settings, name) as pipeline:
        copy(reader, pipeline, (schema, table), int(size))
    reader.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
