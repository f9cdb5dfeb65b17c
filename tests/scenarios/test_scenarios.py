"""Runs every folder beside it: the schemas, the changes, the agent in between, and the rows that must come out.

Each scenario runs on one pair of servers for each pairing of engines that it fits (all pairs with `CDC_TEST_SLOW=1`),
and in two ways: all changes first and then the agent until it has caught up, so that they come in large batches; and
with the agent running, which has applied each statement before the next one comes (by default on one pair of unlike
engines). Both must end with the same rows.

The agent's threads run inside the test's process: what the command line adds is tested in tests/faults.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from cdc_agent.config.load import load
from cdc_agent.config.model import Config
from cdc_agent.errors import AgentError
from cdc_agent.flow import ends as databases
from cdc_agent.flow import pipeline
from cdc_agent.model.positions import parse_position
from cdc_agent.model.status import State
from cdc_agent.preflight.check import check
from cdc_agent.preflight.findings import Severity
from cdc_agent.preflight.setup import set_up
from cdc_agent.preflight.teardown import tear_down
from tests.support import engines, scenario, servers
from tests.support.scenario import Scenario, Side, Statement
from tests.support.servers import Database, Server, ServerSpec
from tests.support.sync import Sync
from tests.support.waiting import wait_until

How: TypeAlias = Literal["at-once", "step-by-step"]

SLOW = os.environ.get("CDC_TEST_SLOW") == "1"
APPLY_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """One scenario on one pair of servers, in one of the two ways."""

    scenario: Scenario
    source: ServerSpec
    target: ServerSpec
    how: How

    def __str__(self) -> str:
        return f"{self.scenario.name}-{self.source}-to-{self.target}-{self.how}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("case", list(_cases()), ids=str)


def _cases() -> Iterator[Case]:
    for number, one in enumerate(scenario.find(Path(__file__).parent)):
        pairs = list(_pairs(one))
        for source, target in pairs:
            yield Case(one, source, target, "at-once")
        unlike = [pair for pair in pairs if (pair[0].engine == "postgres") != (pair[1].engine == "postgres")] or pairs
        for source, target in pairs if SLOW else unlike[number % max(1, len(unlike)) :][:1]:
            yield Case(one, source, target, "step-by-step")


def _pairs(one: Scenario) -> Iterator[tuple[ServerSpec, ServerSpec]]:
    """Newest first; without `CDC_TEST_SLOW` only the first of each pairing of engine families."""
    seen: set[tuple[bool, bool]] = set()
    for source, target in sorted(_all_pairs(), key=_preference):
        pairing = (source.engine == "postgres", target.engine == "postgres")
        fits = one.fits("source", source.engine, source.version) and one.fits("target", target.engine, target.version)
        if fits and (SLOW or pairing not in seen):
            seen.add(pairing)
            yield source, target


def _all_pairs() -> list[tuple[ServerSpec, ServerSpec]]:
    specs = servers.selection().specs
    return list(itertools.product(specs, specs))


def _preference(pair: tuple[ServerSpec, ServerSpec]) -> tuple[Any, ...]:
    """MariaDB as a source of PostgreSQL, MySQL as its target, and MySQL to MariaDB: each is both, once."""
    favourites = {("mariadb", "postgres"): 0, ("postgres", "mysql"): 0, ("mysql", "mariadb"): 0}
    source, target = pair
    rank = favourites.get((source.engine, target.engine), 1)
    return (rank, *(-part for part in (*source.order, *target.order)))


@dataclass
class Agent:
    """The agent's pipeline in threads of this process."""

    config: Config
    name: str
    source: Database
    error: AgentError | None = None
    running: pipeline.Pipeline | None = None
    _waited: str | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def catch_up(self) -> None:
        """Apply what is committed now. An error that stops the pipeline stays in `error`."""
        self.error = None
        try:
            pipeline.run(self.config, [self.name], until_caught_up=True)
        except AgentError as error:
            self.error = error

    def start(self) -> None:
        self._stop.clear()
        self.running = pipeline.Pipeline(self.config, self.name, stop=self._stop)
        self._thread = threading.Thread(target=self._run, args=(self.running,))
        self._thread.start()

    def _run(self, running: pipeline.Pipeline) -> None:
        try:
            running.run()
        except AgentError as error:
            self.error = error

    def wait(self) -> None:
        """Wait until what is committed now is applied, or the pipeline has stopped with an error."""
        source = databases.source(self.config, self.name, lambda event, table: None)
        with closing(source):
            position = source.current_position()
        if self.source.server.is_postgres:
            self.source.run("SELECT pg_logical_emit_message(true, 'wait', '')")  # a silent log ends before its end

        def reached() -> bool:
            assert self.running is not None
            seen = self.running.status().position
            return (
                self.error is not None
                or self.waits is not None
                or (bool(seen) and parse_position(seen).reached(position))
            )

        wait_until(reached, timeout=APPLY_SECONDS, what=f"the agent reads up to {position}")

    @property
    def waits(self) -> str | None:
        """The code of what the running agent waits for."""
        status = self.running.status() if self.running is not None else None
        return (status.last_error or "").partition(":")[0] if status and status.state is State.WAITING else None

    @property
    def stopped_by(self) -> str | None:
        """The code of the error that stopped it, or that it waited for when it was stopped."""
        return self.error.code if self.error else self._waited

    def stop(self) -> None:
        self._waited = self.waits
        if self._thread is not None:
            self._stop.set()
            self._thread.join(APPLY_SECONDS)
            assert not self._thread.is_alive(), "the agent did not stop"
            self._thread = None


@dataclass
class Stage:
    """A scenario with its databases, tables and pipeline in place."""

    scenario: Scenario
    source: Database
    target: Database
    agent: Agent

    @contextmanager
    def connections(self) -> Iterator[dict[Side, Any]]:
        with closing(self.source.connect()) as source, closing(self.target.connect()) as target:
            yield {"source": source, "target": target}

    def run(self, connection: Any, statement: Statement) -> bool:
        """Run a statement; True when no transaction is open after it."""
        server = (self.source if statement.side == "source" else self.target).server
        engines.run(connection, statement.sql)
        return not scenario.in_transaction(server, connection)


@pytest.fixture
def stage(case: Case, tmp_path: Path, private_server: Callable[..., Server]) -> Iterator[Stage]:
    """The case's databases with their schemas, and a pipeline that is set up."""
    one = case.scenario
    settings = one.source_settings
    source_server = private_server(case.source, settings, in_memory=True) if settings else servers.server(case.source)
    with ExitStack() as stack:
        source, target = _database(stack, source_server, one.name), _database(stack, servers.server(case.target), "to")
        source.run(one.schema_sql("source", source, target))
        target.run(one.schema_sql("target", source, target))
        sync = Sync(tmp_path, {"source": source, "target": target}, {one.name: one.pipeline(source, target)})
        config, name = load(sync.write()), sync.named(one.name)
        if one.findings is not None:
            found = {finding.code for finding in check(config, [name]) if finding.severity is Severity.ERROR}
            assert sorted(found - {"PF061"}) == one.findings
        set_up(config, [name], ignore_existing=True, without_identity="PF043" in (one.findings or ()))
        stack.callback(tear_down, config, [name])
        agent = Agent(config, name, source)
        stack.callback(agent.stop)
        yield Stage(one, source, target, agent)


def _database(stack: ExitStack, server: Server, hint: str) -> Database:
    database = server.create_database(hint)
    stack.callback(database.drop)
    return database


def test_scenario(case: Case, stage: Stage) -> None:
    """The target's tables and quarantine end as the folder says, however the changes came."""
    changes = stage.scenario.changes(stage.source, stage.target)
    (_all_at_once if case.how == "at-once" else _step_by_step)(stage, changes)
    error = stage.agent.error
    assert stage.agent.stopped_by == stage.scenario.error, error.render() if error else "nothing stopped it"
    assert _quarantine(stage) == stage.scenario.quarantined
    found = scenario.differences(stage.scenario, stage.source, stage.target)
    assert not found, "\n".join([stage.scenario.description, *found])


def _all_at_once(stage: Stage, changes: Sequence[Statement]) -> None:
    with stage.connections() as connections:
        for statement in changes:
            if statement.marker:
                stage.agent.catch_up()
            else:
                stage.run(connections[statement.side], statement)
        stage.agent.catch_up()


def _step_by_step(stage: Stage, changes: Sequence[Statement]) -> None:
    stage.agent.start()
    with stage.connections() as connections:
        for statement in changes:
            if statement.marker == "restart":
                stage.agent.stop()
                stage.agent.start()
            elif statement.marker or stage.run(connections[statement.side], statement):
                stage.agent.wait()
    stage.agent.wait()
    stage.agent.stop()


def _quarantine(stage: Stage) -> list[str]:
    rows = stage.target.run("SELECT code FROM cdc_agent.quarantine WHERE pipeline = %s", (stage.agent.name,))
    return sorted(code for (code,) in rows)
