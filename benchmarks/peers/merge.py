"""The least that any agent must do on the target: load the same rows into a temporary table and merge them.

The rows are read back from the source and encoded before the clock starts. Each batch is one transaction: COPY or LOAD
DATA LOCAL, then INSERT … ON CONFLICT or ON DUPLICATE KEY UPDATE, then COMMIT. No log is read, nothing is mapped, and no
checkpoint is kept.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rounds import Round, Values
from benchmarks.servers import TITLES, Engine, Rig, run
from benchmarks.workload import TABLE

_STAGE = "bench_stage"


def name_of(rig: Rig, engine: Engine, batch: int) -> str:
    """As the tables show it."""
    how = "COPY" if engine == "postgresql" else "LOAD DATA"
    return f"{how} and merge into {TITLES[rig.target[engine].running.engine]}, batches of {batch:,}"


@dataclass(frozen=True, slots=True)
class Merge:
    """Batches of `batch` rows into one target, taken from a source of the same engine."""

    name: str
    source: Engine
    batch: int

    @contextlib.contextmanager
    def ready(self, around: Round) -> Iterator[_Ready]:
        with around.target(self.source, f"merge_{self.batch}") as (_, connection):
            yield _Ready(around, connection, self.source, self.batch)


@dataclass(frozen=True, slots=True)
class _Ready:
    around: Round
    target: Any
    engine: Engine
    batch: int

    def run(self) -> Values:
        lines = _lines(self.around.sources[self.engine], self.engine, self.around.shape.warm_changes)
        batches = [lines[at : at + self.batch] for at in range(0, len(lines), self.batch)]
        seconds = (_copy if self.engine == "postgresql" else _load)(self.target, batches)
        return {"rate": len(lines) / seconds, "seconds": seconds}


def _lines(source: Any, engine: Engine, after: int) -> list[bytes]:
    """The rows after the warm-up as input for COPY or LOAD DATA, which write NULL and backslashes alike."""
    query = f"SELECT * FROM {TABLE} WHERE id > {after} ORDER BY id"
    if engine == "postgresql":
        with source.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as rows:
            return b"".join(rows).splitlines(keepends=True)
    return ["\t".join(map(_text, row)).encode() + b"\n" for row in run(source, query)]


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _copy(target: Any, batches: Sequence[Sequence[bytes]]) -> float:
    names = _columns(target)
    sets = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    merge = f"INSERT INTO {TABLE} SELECT * FROM {_STAGE} ON CONFLICT (id) DO UPDATE SET {sets}"
    run(target, f"CREATE TEMPORARY TABLE {_STAGE} (LIKE {TABLE}) ON COMMIT DELETE ROWS")
    started = time.perf_counter()
    for batch in batches:
        with target.transaction(), target.cursor() as cursor:
            with cursor.copy(f"COPY {_STAGE} FROM STDIN") as copy:
                copy.write(b"".join(batch))
            cursor.execute(merge)
    return time.perf_counter() - started


def _load(target: Any, batches: Sequence[Sequence[bytes]]) -> float:
    names = _columns(target)
    sets = ", ".join(f"{name} = VALUES({name})" for name in names[1:])
    merge = f"INSERT INTO {TABLE} SELECT * FROM {_STAGE} ON DUPLICATE KEY UPDATE {sets}"
    run(target, f"CREATE TEMPORARY TABLE {_STAGE} LIKE {TABLE}")
    with _files(batches) as files:
        started = time.perf_counter()
        for file in files:
            target.begin()
            run(target, f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {_STAGE} CHARACTER SET utf8mb4")
            run(target, merge)
            target.commit()
            run(target, f"TRUNCATE TABLE {_STAGE}")
        return time.perf_counter() - started


def _columns(target: Any) -> list[str]:
    with target.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLE} LIMIT 0")
        return [str(column[0]) for column in cursor.description]


@contextlib.contextmanager
def _files(batches: Sequence[Sequence[bytes]]) -> Iterator[list[Path]]:
    with tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder:
        files = [Path(folder) / f"{number}.tsv" for number in range(len(batches))]
        for file, batch in zip(files, batches, strict=True):
            file.write_bytes(b"".join(batch))
        yield files
