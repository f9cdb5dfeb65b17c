"""One simulated run: a source with its application, a target, agents that come and go, the weather, and the model.

Everything follows from a `Scenario`: the seed decides engines, row images, bounds and rates, its plans are the
workload, and `without` leaves faults out. The real pipeline runs in each agent; only its ends, its threads and its clock
are the simulation's.
"""

from __future__ import annotations

import random as global_random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

import structlog

from cdc_agent.config.model import Config
from cdc_agent.errors import TakenOver
from cdc_agent.flow import pipeline as flow
from cdc_agent.flow import routing
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.changes import Identity, TableName
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.model.values import Row, Value
from cdc_agent.schema.words import Speaker
from cdc_agent.sources.assemble import Report
from tests.simulation import catalogue
from tests.simulation.application import TEXTS, Application, Plan, Style, Truth, random_plans
from tests.simulation.catalogue import SOURCES
from tests.simulation.chaos import StormySource, StormyTarget, Weather
from tests.simulation.copying import Copier
from tests.simulation.model import Model, Violation
from tests.simulation.plans import remembered_bind
from tests.simulation.scheduler import Process, Scheduler, SimulatedThreads, Task
from tests.support.memory.database import MemoryDatabase
from tests.support.memory.log import MemoryLog
from tests.support.memory.schema import Speechless
from tests.support.memory.source import MemorySource
from tests.support.memory.target import MemoryTarget

CALM_STEPS = 60_000
"""So many steps without faults must bring the target up to the log's end."""
LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class Scenario:
    """What a run follows from."""

    seed: int
    plans: tuple[Plan, ...]
    without: frozenset[int] = frozenset()
    """The numbers of faults that do not happen."""
    schedule: int = 0
    """Another schedule of the same story."""


@dataclass(frozen=True)
class Climate:
    """What the seed decides once."""

    style: Style
    target_engine: str
    texts: int
    tables: tuple[str, ...]
    rate: float
    part_bytes: int
    batch_bytes: int
    queue_bytes: int
    foreign_keys: bool
    lazy: bool
    pace: float
    """Seconds between two transactions on the source."""
    copies: bool
    """Whether somebody copies tables through the second entrance."""
    older: tuple[str, ...]
    """Tables with rows that are older than the log."""
    hides: bool
    """Whether the log is ahead of what others see."""


def climate(seed: int) -> Climate:
    """What the seed decides; one meeting is left out, which the flow does not master (docs/adr/0004).

    Children that are read again while a log without cascades moves parents.
    """
    random = Random(f"climate {seed}")
    engine = random.choice(("postgresql", "mysql"))
    cascades_logged = engine == "postgresql"
    style = Style(
        engine=engine,
        identity=random.choice((Identity.KEY, Identity.FULL)),
        minimal=engine == "mysql" and random.random() < 0.4,
        toast=random.random() < 0.5,
        direct=random.random() < 0.5,
        cascades_logged=cascades_logged,
    )
    if style.minimal or engine == "postgresql":
        pass
    else:
        style = replace(style, identity=Identity.FULL)
    families = [("items",), ("people",), ("ledger",)]
    if not (style.minimal and not cascades_logged):
        families.append(("parents", "children", "tags", "grandchildren"))
    chosen = random.sample(families, random.randrange(1, len(families) + 1))
    foreign_keys = random.random() < 0.5
    part_bytes = random.choice((60, 300, 1_000_000))
    style = replace(style, savepoints=engine == "mysql" and part_bytes == 1_000_000)
    tables = tuple(name for family in chosen for name in family)
    copies = random.random() < 0.5
    apart = cascades_logged and not foreign_keys
    alone = ("items", "people", *(("parents", "children", "grandchildren") if apart else ()))
    return Climate(
        style=style,
        target_engine=random.choice(("postgresql", "mysql")),
        texts=random.choice((4, 4, 5, 6)),
        tables=tables,
        rate=random.choice((0.0, 0.005, 0.02, 0.06)),
        part_bytes=part_bytes,
        batch_bytes=random.choice((1, 200, 2_000, 1_000_000)),
        queue_bytes=random.choice((1, 2_000, 50_000, 1_000_000)),
        foreign_keys=foreign_keys,
        lazy=random.random() < 0.5,
        pace=random.choice((0.0, 0.01, 0.3)),
        copies=copies,
        older=tuple(name for name in tables if name in alone) if copies and random.random() < 0.7 else (),
        hides=random.random() < 0.5,
    )


def scenario(seed: int, transactions: int = 60) -> Scenario:
    """The whole story that a seed stands for."""
    about = climate(seed)
    plans = random_plans(Random(f"plans {seed}"), transactions, tables=about.tables, texts=about.texts)
    return Scenario(seed, tuple(plans))


class Agent:
    """One process with a pipeline in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process = Process(name)
        self.targets: list[StormyTarget] = []
        self.sources: list[StormySource] = []
        self.stop: Callable[[], None]
        self.running = True
        self.generation = 0


def _set_up(about: Climate, position: str) -> MemoryDatabase:
    """The target, with a first checkpoint."""
    database = MemoryDatabase(foreign_keys=about.foreign_keys)
    for definition in catalogue.target_tables(about.target_engine, about.foreign_keys):
        database.create(definition, _check(definition.name))
    database.checkpoints[catalogue.PIPELINE] = Checkpoint(
        pipeline=catalogue.PIPELINE,
        source=catalogue.SOURCE,
        path=(catalogue.SOURCE,),
        generation=0,
        position=position,
        source_identity=f"{about.style.engine} memory",
        source_commit_time=None,
        transactions=0,
        changes=0,
        echoes=0,
        quarantined=0,
        host="setup",
    )
    return database


class World:
    """Runs a scenario. `run` raises Violation, or what the product raised."""

    def __init__(self, scenario: Scenario, tell: Callable[[str], None] | None = None) -> None:
        seed = scenario.seed
        self.about = climate(seed)
        self.scenario = scenario
        self.scheduler = Scheduler(Random(f"schedule {seed} {scenario.schedule}"))
        self.weather = Weather(Random(f"weather {seed}"), self.about.rate, scenario.without)
        self.story = tell
        about = self.about
        self.log = MemoryLog(about.style.engine)
        self.database = _set_up(about, str(self.log.position(0)))
        self.versions = [
            catalogue.source_tables(about.style.engine, about.style.identity, about.style.direct, version)
            for version in (0, 1)
        ]
        self.application = Application(about.style, self.log, self.versions, TEXTS[: about.texts])
        self.application.begin_with(about.older, Random(f"older {seed}"))
        self.log.unlogged = () if about.style.cascades_logged else [(("app", n), k) for n, k in catalogue.KEYS]
        if about.hides:
            self.log.hide()
        self.model = Model(self.database, self.log, self.application.truths)
        self.model.begin_with(self.application.rows)
        self.database.on_commit = self._committed
        self.database.on_release = self._wake_lock
        self.log.on_growth = self._wake_log
        self.nature = Process("nature")
        self.agents: list[Agent] = []
        self._lock_waiters: list[Task] = []
        self._log_waiters: list[Task] = []
        self._settings: Config = catalogue.config(
            about.style.engine, about.target_engine, about.batch_bytes, about.queue_bytes
        )
        self._written = False
        self.copied = not about.copies
        """Whether all tables have been copied in calm weather."""
        self._unshown: list[tuple[int, dict[TableName, dict[Row, Mapping[str, Value]]]]] = []

    # --- the run

    def run(self) -> None:
        """Play the scenario to its end, then wait in calm weather until the target has caught up."""
        logging = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        state, bind = global_random.getstate(), routing.bind
        global_random.seed(self.scenario.seed)
        routing.bind = remembered_bind
        try:
            self._play()
        finally:
            routing.bind = bind
            global_random.setstate(state)
            structlog.configure(**logging)
            self._bury()

    def _play(self) -> None:
        self._start_agent()
        self.scheduler.spawn(self._write, "application", self.nature)
        self.scheduler.spawn(self._fate, "fate", self.nature)
        if self.about.hides:
            self.scheduler.spawn(self._show, "show", self.nature)
        self.scheduler.run(1_000_000, until=lambda: self._written)
        self.weather.rate = 0.0
        self.tell("the weather is calm from here on")
        self.scheduler.run(CALM_STEPS, until=self._caught_up)
        self.model.at_end()

    def _caught_up(self) -> bool:
        return self.copied and self.model.place == self.log.end == self.log.confirmed

    def _bury(self) -> None:
        for agent in self.agents:
            self._end(agent.process)
        self._end(self.nature)

    def _end(self, process: Process) -> None:
        if not process.dead:
            self.scheduler.bury(process)

    def tell(self, text: str) -> None:
        if self.story is not None:
            self.story(f"{self.scheduler.now - 1000:8.2f}s  {text}")

    # --- the source's application

    def _write(self) -> None:
        images = Random(f"images {self.scenario.seed}")
        pace = self.about.pace
        for number, plan in enumerate(self.scenario.plans):
            truth = self._commit(plan, images)
            self.tell(f"source commits {number}: {_told(plan)} → {truth.end}")
            if pace and images.random() < 0.5:
                self.scheduler.sleep(pace * images.random())
            else:
                self.scheduler.step()
        self._commit(Plan("local", (catalogue_last(),)), images)
        self._written = True
        self.scheduler.sleep(1e9)

    def _commit(self, plan: Plan, images: Random) -> Truth:
        truth = self.application.commit(plan, images)
        self.model.places.add(truth.end)
        if self.about.hides:
            self._unshown.append((truth.end, dict(self.log.current)))
        return truth

    def _show(self) -> None:
        """One transaction after the other becomes visible, as soon as it is in the log or later."""
        random = Random(f"show {self.scenario.seed}")
        while True:
            if not self._unshown:
                self.scheduler.sleep(0.03)
            elif random.random() < 0.3:
                self.scheduler.sleep(random.choice((0.01, 0.1, 0.5)))
            while self._unshown and random.random() < 0.8:
                self.log.show(*self._unshown.pop(0))

    # --- agents

    def _start_agent(self) -> Agent:
        agent = Agent(f"agent {len(self.agents) + 1}")
        self.agents.append(agent)
        self.tell(f"{agent.name} starts")
        threads = SimulatedThreads(self.scheduler, agent.process)
        stop = threads.flag()
        agent.stop = stop.set
        ends = _Ends(self, agent)
        pipeline = flow.Pipeline(self._settings, catalogue.PIPELINE, stop=stop, ends=ends, threads=threads)
        self.scheduler.spawn(lambda: self._live(agent, pipeline), agent.name, agent.process)
        keyed = [SOURCES[name] for name in self.about.tables if SOURCES[name].key]
        if self.about.copies:
            copier = Copier(self, agent, pipeline.entrance, keyed)
            self.scheduler.spawn(copier.run, f"{agent.name} copies", agent.process)
        return agent

    def _live(self, agent: Agent, pipeline: flow.Pipeline) -> None:
        try:
            pipeline.run()
        except TakenOver:
            if self.model.generation <= agent.generation:
                raise
            self.tell(f"{agent.name} learns that it was taken over")
        agent.running = False

    def kill(self, agent: Agent, why: str) -> None:
        """The agent dies here; its servers notice now or later. Raises Killed in a task of the agent."""
        self.tell(f"{agent.name} is killed {why}")
        agent.running = False
        for source in agent.sources:
            source.drop()
        for target in agent.targets:
            target.drop()
        self.scheduler.kill(agent.process)

    def _fate(self) -> None:
        """What happens to agents from outside, until the weather is calm; there is always one in the end."""
        paused: list[Agent] = []
        random = self.weather.random
        while True:
            self.scheduler.sleep(random.choice((0.05, 0.5, 3.0)))
            alive = [agent for agent in self.agents if agent.running and agent not in paused]
            if not alive:
                self._start_agent()
            elif self.weather.rate and random.random() < 0.3 and self.weather.allowed():
                self._befall(random, random.choice(alive), paused)
            if paused and (random.random() < 0.3 or not self.weather.rate):
                agent = paused.pop()
                self.tell(f"{agent.name} wakes up")
                self.scheduler.resume(agent.process)

    def _befall(self, random: Random, agent: Agent, paused: list[Agent]) -> None:
        kind = random.choice(("kill", "pause", "second", "cut source", "cut target", "idle"))
        if kind == "kill":
            self.kill(agent, "from outside")
        elif kind == "pause":
            self.tell(f"{agent.name} is paused")
            self.scheduler.pause(agent.process)
            paused.append(agent)
        elif kind == "second":
            self._start_agent()
        elif kind == "cut source":
            self.tell(f"{agent.name}: the source's connection is cut")
            for source in agent.sources:
                source.drop()
        elif kind == "cut target":
            self.tell(f"{agent.name}: the target's connection is cut")
            for target in agent.targets:
                target.drop()
        elif not self._written:
            self.log.end += 1 + random.randrange(3_000_000)
            self.model.places.add(self.log.end)
            self._wake_log()

    def later(self, work: Callable[[], None], what: str) -> None:
        """A server does something by itself, now or after a while."""
        delay = self.weather.random.choice((0.0, 0.02, 0.3, 2.0))
        if not delay:
            work()
            return

        def wait() -> None:
            self.scheduler.sleep(delay)
            self.tell(what)
            work()

        self.scheduler.spawn(wait, what, self.nature)

    # --- waiting

    def _committed(self, committed: object) -> None:
        self.model.on_commit(committed)  # type: ignore[arg-type]
        self.tell(f"the target holds {self.model.place}")

    def patience(self, database: MemoryDatabase) -> bool:
        me = self.scheduler.current
        self._lock_waiters.append(me)
        woken = self.scheduler.wait(LOCK_SECONDS)
        if me in self._lock_waiters:
            self._lock_waiters.remove(me)
        return woken

    def log_patience(self) -> None:
        me = self.scheduler.current
        self._log_waiters.append(me)
        self.scheduler.wait(0.25)
        if me in self._log_waiters:
            self._log_waiters.remove(me)

    def _wake_lock(self) -> None:
        waiters, self._lock_waiters = self._lock_waiters, []
        for task in waiters:
            self.scheduler.wake(task)

    def _wake_log(self) -> None:
        waiters, self._log_waiters = self._log_waiters, []
        for task in waiters:
            self.scheduler.wake(task)


class _Ends:
    """`cdc_agent.flow.session.Ends` for one agent."""

    def __init__(self, world: World, agent: Agent) -> None:
        self._world = world
        self._agent = agent

    def source(self, config: Config, pipeline: str, report: Report) -> StormySource:
        world = self._world
        source = MemorySource(
            world.log,
            target=catalogue.TARGET,
            report=report,
            part_bytes=world.about.part_bytes,
            patience=world.log_patience,
        )
        self._agent.sources = [StormySource(world, self._agent, source)]
        return self._agent.sources[0]

    def speaker(self, config: Config, pipeline: str, routes: Routes) -> Speaker:
        return Speechless()

    def target(self, config: Config, pipeline: str) -> StormyTarget:
        world = self._world
        target = MemoryTarget(
            world.database, random=world.weather.random, patience=world.patience, lazy=world.about.lazy
        )
        self._agent.targets = [StormyTarget(world, self._agent, target)]
        return self._agent.targets[0]


def _check(table: str) -> Callable[[tuple[object, ...]], bool] | None:
    place = {"items": 1, "parents": 1, "children": 2}.get(table)
    return None if place is None else lambda row: row[place] != catalogue.POISON


def catalogue_last() -> object:
    """The intention of the last transaction: one that no route takes, so that the checkpoint must reach it by itself."""
    from tests.simulation.application import Intention

    return Intention("other", "insert", 3, 3, 3)


def _told(plan: Plan) -> str:
    what = ", ".join(f"{i.action} {i.table}" for i in plan.intentions) or "nothing"
    return what if plan.kind == "local" else f"({plan.kind}) {what}"


__all__ = ["Scenario", "Violation", "World", "scenario"]
