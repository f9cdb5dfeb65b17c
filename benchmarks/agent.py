"""The agent as a process of its own: its configuration, set-up, run and teardown for any number of pipelines."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.servers import Server

STOP_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A database of a server."""

    server: Server
    database: str

    def table(self, name: str) -> str:
        """As a configuration names it."""
        return f"{self.server.schema(self.database)}.{name}"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline and its routes."""

    name: str
    source: Place
    target: Place
    tables: Sequence[str]
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Expressions by table, for those that are not copied as they are."""

    def as_config(self) -> dict[str, Any]:
        routes = [
            {"from": self.source.table(table), "to": self.target.table(table)}
            | ({"columns": dict(self.columns[table])} if table in self.columns else {})
            for table in self.tables
        ]
        return {"source": _name(self.source), "target": _name(self.target), "tables": routes}


def _name(place: Place) -> str:
    return f"{place.server.engine}-{place.server.running.port}-{place.database}"


@dataclass(frozen=True, slots=True)
class Running:
    """A running agent."""

    process: subprocess.Popen[bytes]
    _log: IO[bytes]

    def alive(self) -> None:
        """Raise with the end of the agent's log if it has ended."""
        if self.process.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"the agent ended:\n{self._log.read().decode(errors='replace')[-3000:]}")

    def kill(self) -> None:
        """As a crash would end it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Agent:
    """A configuration that was set up; see `set_up`."""

    def __init__(self, config: Path, python: str) -> None:
        self.config = config
        self._python = python

    @contextlib.contextmanager
    def running(self, *pipelines: str) -> Iterator[Running]:
        """Run these pipelines, or all, until the context ends."""
        chosen = [word for name in pipelines for word in ("--pipeline", name)]
        command = [self._python, *_AGENT, "run", "-c", str(self.config), *chosen]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, cwd=_home(self._python), stdout=subprocess.DEVNULL, stderr=log)
            try:
                yield Running(process, log)
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


_AGENT: Final = ("-m", "cdc_agent")


@contextlib.contextmanager
def set_up(pipelines: Sequence[Pipeline], python: str = sys.executable) -> Iterator[Agent]:
    """Write the configuration and set it up; torn down at the end. Connections are not encrypted, as the peers' are.

    `python` is the interpreter whose installed agent is used.
    """
    with tempfile.TemporaryDirectory(prefix="cdc-bench-") as folder:
        config = Path(folder) / "bench.yaml"
        config.touch(mode=0o600)
        config.write_text(json.dumps(_document(pipelines)))  # JSON is YAML
        _run(python, "setup", "-c", str(config))
        try:
            yield Agent(config, python)
        finally:
            _run(python, "teardown", "-c", str(config), "--yes")


def _document(pipelines: Sequence[Pipeline]) -> dict[str, Any]:
    places = {_name(place): place for pipeline in pipelines for place in (pipeline.source, pipeline.target)}
    return {
        "databases": {
            name: {
                "url": place.server.running.url(place.database),
                "password": place.server.running.password.replace("$", "$$"),
                "tls": {"mode": "disable"},
            }
            for name, place in places.items()
        },
        "pipelines": {pipeline.name: pipeline.as_config() for pipeline in pipelines},
    }


def _home(python: str) -> Path | None:
    """Another checkout's interpreter must not find this one's package in its working directory."""
    return None if python == sys.executable else Path(python).parent


def _run(python: str, *words: str) -> None:
    done = subprocess.run([python, *_AGENT, *words], cwd=_home(python), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"cdc-agent {words[0]} failed:\n{done.stderr[-3000:]}")
