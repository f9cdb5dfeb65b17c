"""An agent between test databases: writes its configuration, runs the real command line, waits for its checkpoints.

The agent is a process of its own, as a DBA would run it, so that it can be killed. What it has done is read from the
checkpoint rows on the targets.
"""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support import commandline, engines
from tests.support.commandline import AgentProcess, Done
from tests.support.servers import Database
from tests.support.waiting import wait_until


@dataclass
class Sync:
    """One configuration over some databases, and the agent processes that run it."""

    folder: Path
    databases: Mapping[str, Database]
    pipelines: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Account and password where the administrator's are not to be used."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Ports of proxies in front of a database's server; the agent talks to them in plain text."""
    environment: Mapping[str, str] = field(default_factory=dict)
    running: list[AgentProcess] = field(default_factory=list)
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    """Slots and MySQL's checkpoints are server-wide: it keeps this test's pipelines apart from every other's."""

    @property
    def file(self) -> Path:
        return self.folder / "agent.yaml"

    def named(self, pipeline: str) -> str:
        """The pipeline's name in the configuration."""
        return f"{pipeline}-{self.tag}"

    def write(self) -> Path:
        """Write the configuration file."""
        content = {
            "databases": {name: self._database(name) for name in self.databases},
            "pipelines": {self.named(name): dict(pipeline) for name, pipeline in self.pipelines.items()},
        }
        with self.file.open("w") as output:
            YAML(typ="safe").dump(content, output)
        self.file.chmod(0o600)
        return self.file

    def _database(self, name: str) -> dict[str, Any]:
        database = self.databases[name]
        user, password = self.users.get(name, (database.server.user, database.server.password))
        url = database.url(user, password).replace(f":{password}@", "@")
        if name not in self.ports:
            return {"url": url, "password": password}
        url = url.replace(f":{database.server.port}/", f":{self.ports[name]}/")
        return {"url": url, "password": password, "tls": {"mode": "disable"}}

    def command(self, *arguments: str, check: bool = True, timeout: float = 300) -> Done:
        """Run one command of the agent to its end."""
        self.write()
        line = [arguments[0], "-c", str(self.file), *arguments[1:]]
        done = commandline.run(line, self._environment(), timeout)
        if check and done.status:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.status}:\n{done.out}\n{done.err}")
        return done

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def setup(self, *options: str) -> None:
        """Set all pipelines up; what a test put on its source before that is meant to stay there."""
        self.command("setup", "--existing-rows", "ignore", *options)

    def catch_up(self, *options: str) -> None:
        """Run until everything that is committed now is on the other side."""
        self.command("run", "--until-caught-up", *options)

    def start(self, *options: str) -> AgentProcess:
        """Start `run` in the background; its output goes to a file that `log` reads."""
        self.write()
        line = ["run", "-c", str(self.file), *options]
        process = AgentProcess(line, self._environment(), self._log_file, self._log_file)
        self.running.append(process)
        return process

    @property
    def _log_file(self) -> Path:
        return self.folder / "agent.log"

    def log(self) -> str:
        """Everything that the agents started here have said."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def stop(self, process: AgentProcess, *, how: int = signal.SIGTERM, timeout: float = 60) -> int:
        """End an agent; its exit status."""
        process.send_signal(how)
        status = process.wait(timeout)
        if process in self.running:
            self.running.remove(process)
        return status

    def close(self) -> None:
        """End whatever is left, and drop what `setup` made."""
        for process in self.running:
            process.kill()
            process.wait()
        self.running.clear()
        if self.file.exists():
            self.command("teardown", "--yes", check=False)

    def checkpoint(self, pipeline: str) -> dict[str, Any]:
        """The pipeline's row on its target; {} before there is one."""
        target = self.databases[str(self.pipelines[pipeline]["target"])]
        names = ("position", "generation", "transactions", "changes", "echoes", "quarantined")
        position = "position" if target.engine == "postgres" else "`position`"
        columns = ", ".join(position if name == "position" else name for name in names)
        rows = target.run(f"SELECT {columns} FROM cdc_agent.checkpoint WHERE pipeline = %s", (self.named(pipeline),))
        return dict(zip(names, rows[0], strict=True)) if rows else {}

    def wait_for_transactions(self, pipeline: str, count: int, timeout: float = 120) -> None:
        """Wait until the target holds at least `count` transactions of the pipeline."""

        def reached() -> bool:
            self.raise_if_ended()
            return int(self.checkpoint(pipeline).get("transactions", 0)) >= count

        wait_until(reached, timeout=timeout, what=f"{count} transactions of {pipeline}: {self.checkpoint(pipeline)}")

    def raise_if_ended(self) -> None:
        """An agent that ended while a test waits for it has failed."""
        for process in self.running:
            if process.poll() is not None:
                raise AssertionError(f"the agent ended with {process.returncode}:\n{self.log()[-6000:]}")

    def status(self) -> list[dict[str, Any]]:
        """`status --json`."""
        pipelines: list[dict[str, Any]] = json.loads(self.command("status", "--json").out)["pipelines"]
        return pipelines


def schema(database: Database) -> str:
    """The schema under which the agent's configuration names the database's tables."""
    return "public" if database.engine == "postgres" else database.name


def route(source: Database, target: Database, table: str, **options: Any) -> dict[str, Any]:
    """A route that takes a table under its own name, every column."""
    return {"from": f"{schema(source)}.{table}", "to": f"{schema(target)}.{table}", **options}


def pipeline(
    source: tuple[str, Database], target: tuple[str, Database], tables: Sequence[str], **options: Any
) -> dict[str, Any]:
    """A pipeline that takes tables under their own names."""
    return {
        "source": source[0],
        "target": target[0],
        "tables": [route(source[1], target[1], table) for table in tables],
        **options,
    }


def transactional(database: Database) -> Any:
    """A connection with autocommit off."""
    connection = database.connect()
    if database.engine == "postgres":
        connection.autocommit = False
    else:
        connection.autocommit(False)
        engines.run(connection, "SET time_zone = '+00:00'")
    return connection


def activity(database: Database) -> tuple[str, ...]:
    """A mark that moves with every row written: each PostgreSQL table's latest xmin and rows, or the end of the binlog,
    for which the server must be the test's own. Not PostgreSQL's statistics: the session that wrote reports them late.
    """
    if database.engine == "postgres":
        tables = database.run("SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables ORDER BY 1")
        newest = "SELECT coalesce(max(xmin::text::bigint), 0), count(*) FROM "
        return tuple(str(database.run(newest + table)[0]) for (table,) in tables)
    return tuple(str(value) for value in database.run("SHOW BINARY LOGS")[-1][:2])
