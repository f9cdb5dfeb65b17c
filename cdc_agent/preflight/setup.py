"""``cdc-agent setup``: what pipelines need on their servers before the first run.

In: a configuration and the names of pipelines. Out: the agent's tables on targets, publication and slot on PostgreSQL
sources, a first checkpoint for each pipeline, and a report of what was done. Running it again changes nothing. Tables
that an older version of the program made are upgraded only when asked for. It never leaves a slot without a checkpoint:
what it made for a pipeline is dropped again when a later step fails, and a slot that a killed setup left is taken up by
the next. Nor does it leave a checkpoint without its slot: where the checkpoint may be written, the slot stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cdc_agent.config.model import Config, RouteSettings
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import AgentError, PrivilegeMissing, SourceSchemaError, UpdatesWouldFail
from cdc_agent.failpoints import around
from cdc_agent.flow import ends as databases
from cdc_agent.mapping.keys import KeysInForce
from cdc_agent.mapping.routes import Route, Routes
from cdc_agent.model.changes import TableName
from cdc_agent.model.positions import Position
from cdc_agent.model.remembered import Aspect, Remembered
from cdc_agent.preflight import create, existing
from cdc_agent.preflight.pictures import Pictures
from cdc_agent.preflight.servers import Servers
from cdc_agent.preflight.sides import SIDES
from cdc_agent.schema.versions import Known, as_logged, of_catalogue, to_text
from cdc_agent.sources.base import Source
from cdc_agent.store import checkpoints, memory, versions
from cdc_agent.store.tables import VERSION, require


@dataclass(slots=True)
class Report:
    """What setup (or teardown) did, in the order in which it did it."""

    done: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """What wildcards leave out, and what source tables have and the target tables that were made have not."""


def set_up(
    config: Config,
    names: Sequence[str],
    *,
    create_tables: bool = False,
    upgrade: bool = False,
    ignore_existing: bool = False,
    without_identity: bool = False,
) -> Report:
    """Set pipelines up; idempotent.

    `create_tables` makes target tables that are missing, `upgrade` changes the agent's own that an older program made,
    `ignore_existing` goes on where rows of the source will not come, `without_identity` reads tables as well whose
    updates fail on the source from then on. Raises TablesOutdated, ExistingRows and UpdatesWouldFail for those
    otherwise, TablesTooNew, PrivilegeMissing with the SQL for a DBA, SourceSchemaError when a route takes no table,
    LogGone when a checkpoint is there and its slot is not, SlotInUse when something else reads the slot.
    """
    with Servers(config, "setup") as servers:
        setup = _Setup(config, servers)
        setup.stores(names, upgrade=upgrade)
        if create_tables:
            setup.target_tables(names)
        for name in names if not ignore_existing else ():
            setup.require_no_rows(name)
        for name in names:
            setup.pipeline(name, without_identity=without_identity)
        setup.markers(names)
        return setup.report


def printed(config: Config, names: Sequence[str]) -> dict[str, list[str]]:
    """Target → the statements that would make its missing tables; changes nothing.

    Comments, which are statements of their own, say what a table will lack, or why one cannot be made.
    """
    found: dict[str, list[str]] = {}
    with Servers(config, "setup") as servers:
        for name in names:
            settings = config.pipelines[name]
            planned = _Setup(config, servers).planned(name)
            lines = found.setdefault(settings.target, [])
            lines += [f"-- {error.message}" for error in planned.failures]
            lines += [f"-- {'.'.join(made.target)} without {what}" for made in planned.made for what in made.left_out]
            lines += [made.table for made in planned.made]
            lines += [statement for made in planned.made for statement in made.indexes]
            lines += [key.statement for made in planned.made for key in made.foreign_keys]
    return found


def routed(source: Admin, routes: Routes, settings: Sequence[RouteSettings]) -> list[Route]:
    """The routes of every table that is there now. Raises SourceSchemaError for an entry that takes none."""
    found = routes.expand(source.tables())
    taken = {id(route.settings) for route in found}
    missing = [entry.from_ for entry in settings if id(entry) not in taken]
    if missing and (others := [one for one in source.left_out() if routes.names(one[0])]):
        raise SourceSchemaError(
            "only tables whose rows are logged one by one can be replicated",
            details=[f"{'.'.join(name)} is a {kind}".replace("a unlogged", "an unlogged") for name, kind in others],
            hint="take these routes out; a view's tables can be routed themselves",
        )
    if missing:
        raise SourceSchemaError(
            f"no table on the source for {', '.join(missing)}",
            hint="create the table, grant SELECT on it to the agent's role, or correct `from`",
        )
    return found


def left_out(source: Admin, routes: Routes) -> list[tuple[TableName, str]]:
    """What wildcards would take if it were a table with a log, and what it is."""
    return [(name, kind) for name, kind in source.left_out() if routes.wanted(name) and not routes.names(name)]


class _Setup:
    def __init__(self, config: Config, servers: Servers) -> None:
        self._config = config
        self._servers = servers
        self._targets = {pipeline.target for pipeline in config.pipelines.values()}
        self.report = Report()

    def _note(self, changed: bool, what: str) -> None:
        (self.report.done if changed else self.report.unchanged).append(what)

    def _touched(self, names: Sequence[str]) -> list[str]:
        pairs = [(self._config.pipelines[name].source, self._config.pipelines[name].target) for name in names]
        return list(dict.fromkeys(database for pair in pairs for database in pair))

    def stores(self, names: Sequence[str], *, upgrade: bool) -> None:
        """The agent's tables, first of all: the publication of a source that is a target too holds its checkpoint."""
        for name in self._touched(names):
            if name in self._targets:
                self._store(name, upgrade=upgrade)

    def _store(self, name: str, *, upgrade: bool) -> None:
        version = versions.found(self._servers[name])
        older = 0 < version < VERSION
        if version and not (older and upgrade):
            require(version, name)
            self._note(False, f"{name}: tables of cdc_agent")
            return
        self._bring_up(name, version)
        steps = f", version {version} to {VERSION}" if older else ""
        self._note(True, f"{name}: tables of cdc_agent{steps}")

    def _bring_up(self, name: str, version: int) -> None:
        server, user = self._servers[name], self._config.databases[name].user
        try:
            with around("setup.schema"):
                versions.bring_up(server)
        except PrivilegeMissing as error:
            raise PrivilegeMissing(
                f"{name}: the role may not {'upgrade the tables of' if version else 'create the schema'} cdc_agent",
                details=[f"{line};" for line in SIDES[server.engine].own_store(user, version)],
                hint="have a DBA run this, then setup again; `cdc-agent grants` prints all that is needed",
            ) from error

    def target_tables(self, names: Sequence[str]) -> None:
        """Create the target tables that are missing, in the shape of their source tables.

        Raises TargetSchemaError or PrivilegeMissing, naming all that could not be made, when the others are there.
        """
        failures: list[AgentError] = []
        tables = 0
        for name in names:
            planned = self.planned(name)
            target = self._config.pipelines[name].target
            tables += planned.missing
            for one in create.make(self._servers[target], planned):
                self._note(True, f"{target}: table {'.'.join(one.target)}")
                self.report.left_out += [f"{target}: table {'.'.join(one.target)}: {what}" for what in one.left_out]
            for table in planned.there:
                self._note(False, f"{target}: table {'.'.join(table)}")
            failures += planned.failures
        if failures:
            raise create.summary(failures, tables)

    def planned(self, name: str) -> create.Planned:
        """What the pipeline's target lacks."""
        settings = self._config.pipelines[name]
        source, target = self._servers[settings.source], self._servers[settings.target]
        return create.plan(source, target, routed(source, databases.routes(self._config, name), settings.tables))

    def require_no_rows(self, name: str) -> None:
        """Raise ExistingRows where a first checkpoint would leave rows of the source behind."""
        settings = self._config.pipelines[name]
        source, target = self._servers[settings.source], self._servers[settings.target]
        if checkpoints.read(target, name) is None:
            found = routed(source, databases.routes(self._config, name), settings.tables)
            here, there = Pictures(source), Pictures(target)
            here.foresee(route.source for route in found)
            there.foresee(route.target for route in found)
            existing.require_none(here, there, found, name)

    def pipeline(self, name: str, *, without_identity: bool) -> None:
        """Publication, slot and first checkpoint; all or nothing."""
        settings = self._config.pipelines[name]
        source = self._servers[settings.source]
        found = routed(source, databases.routes(self._config, name), settings.tables)
        tables = list(dict.fromkeys(route.source for route in found))
        for table, kind in left_out(source, databases.routes(self._config, name)):
            self.report.left_out.append(f"{settings.source}: {kind} {'.'.join(table)}")
        held = checkpoints.read(self._servers[settings.target], name)
        known = _known(source, self._servers[settings.target], found)
        reader = databases.reader(self._config, name)
        log = databases.log(reader.database)
        if not without_identity and (harmed := log.harmed(reader, source, tables)):
            listed = ["has no replica identity: " + ".".join(table) for table in harmed]
            raise UpdatesWouldFail("UPDATE and DELETE of these tables would fail once they are read", details=listed)
        with contextlib.ExitStack() as undo:
            position = log.prepare(reader, source, tables, self._note, undo, resumes=held is not None)
            memory.begin(self._servers[settings.target], name, known, anew=held is None)
            if held is None:
                self._first_checkpoint(name, position, undo)
            undo.pop_all()
        self._note(held is None, f"{settings.target}: checkpoint of {name}")

    def _first_checkpoint(self, name: str, position: Position | None, undo: contextlib.ExitStack) -> None:
        settings = self._config.pipelines[name]
        source = databases.source(self._config, name, lambda event, table: None)
        try:
            start = position or source.current_position()
            identity = source.identity().text
            keys = self._keys(name, source)
        finally:
            source.close()
        try:
            with around("setup.checkpoint"):
                memory.begin(self._servers[settings.target], name, keys, anew=False)
                checkpoints.write_first(self._servers[settings.target], name, settings.source, str(start), identity)
        except AgentError:
            if self._may_be_written(name):
                undo.pop_all()
            raise

    def _keys(self, name: str, source: Source) -> list[Remembered]:
        """The foreign keys from which the pipeline starts, as far as its log does not hold what they do."""
        if source.logs_keys:
            return []
        routes = databases.routes(self._config, name)
        return KeysInForce((), lambda: source.unlogged_keys(routes.wanted), routes.scope).notes()

    def _may_be_written(self, name: str) -> bool:
        """Whether the first checkpoint is there after all, its answer lost; also when nobody can tell."""
        try:
            with Servers(self._config, "setup") as again:
                return checkpoints.read(again[self._config.pipelines[name].target], name) is not None
        except AgentError:
            return True

    def markers(self, names: Sequence[str]) -> None:
        """Publish the checkpoint table of a database that became a target after its own pipelines were set up."""
        touched = self._touched(names)
        for name, settings in self._config.pipelines.items():
            if name in names or settings.source not in touched or settings.source not in self._targets:
                continue
            reader = databases.reader(self._config, name)
            databases.log(reader.database).publish_checkpoint(reader, self._servers[settings.source], self._note)


def _known(source: Admin, target: Admin, routes: Sequence[Route]) -> list[Remembered]:
    """The tables as they are before the first row: what a target lacks here, a route may go on lacking."""
    sources = source.describe_all(list(dict.fromkeys(route.source for route in routes)))
    targets = target.describe_all(list(dict.fromkeys(route.target for route in routes)))
    return [
        Remembered(
            Aspect.TABLES,
            route.source,
            route.target,
            to_text(Known(as_logged(one, source.flavor), of_catalogue(other), logged=False)),
        )
        for route in routes
        if (one := sources.get(route.source)) is not None and (other := targets.get(route.target)) is not None
    ]
