"""``cdc-agent check``: everything that would stop or hurt pipelines, in one go.

In: a configuration and the names of pipelines. Out: findings, from the servers' settings to single columns. It goes on
when a database cannot be reached, and changes nothing.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Sequence
from typing import Final

from cdc_agent.config.model import Config, Database, PipelineSettings
from cdc_agent.engines.admin import Admin
from cdc_agent.errors import AgentError, TablesOutdated, TablesTooNew
from cdc_agent.flow import ends as databases
from cdc_agent.flow.acknowledging import UNSURE_SECONDS
from cdc_agent.mapping.routes import Route, Routes
from cdc_agent.model.changes import TableName
from cdc_agent.model.remembered import Condition, TableState
from cdc_agent.preflight import existing, route_checks
from cdc_agent.preflight.context import OnDatabase, OnRoute
from cdc_agent.preflight.findings import Finding, error, info, skewed, warning
from cdc_agent.preflight.pictures import Pictures
from cdc_agent.preflight.servers import Servers
from cdc_agent.preflight.sides import SIDES
from cdc_agent.store import checkpoints, memory, versions
from cdc_agent.store.tables import VERSION, mismatch


def check(config: Config, names: Sequence[str]) -> list[Finding]:
    """All findings about these pipelines: databases first, then pairs, then routes."""
    with Servers(config, "check") as servers:
        run = _Check(config, names, servers)
        return list(dict.fromkeys([*run.databases(), *run.skew(), *run.directions(), *run.pipelines()]))


class _Check:
    def __init__(self, config: Config, names: Sequence[str], servers: Servers) -> None:
        self._config = config
        self._names = names
        self._servers = servers
        pairs = [(config.pipelines[name].source, config.pipelines[name].target) for name in names]
        self._used = list(dict.fromkeys(database for pair in pairs for database in pair))
        self._on: dict[str, OnDatabase] = {}

    def databases(self) -> Iterator[Finding]:
        for name in self._used:
            yield from plain_connection(name, self._config.databases[name])
            try:
                server = self._servers[name]
            except AgentError as problem:
                yield error("PF001", name, "; ".join([problem.message, *problem.details]), problem.advice)
                continue
            self._on[name] = self._context(name, server)
            yield from _guarded(name, self._database(self._on[name]))

    def _context(self, name: str, server: Admin) -> OnDatabase:
        pipelines = {one: self._config.pipelines[one] for one in self._names}
        return OnDatabase(
            config=self._config,
            name=name,
            settings=self._config.databases[name],
            server=server,
            pictures=Pictures(server),
            sources=tuple(one for one, settings in pipelines.items() if settings.source == name),
            targets=tuple(one for one, settings in pipelines.items() if settings.target == name),
        )

    def _database(self, on: OnDatabase) -> Iterator[Finding]:
        for one in SIDES[on.settings.engine].checks:
            yield from _guarded(on.name, one(on))
        yield from _guarded(on.name, store_version(on))

    def skew(self) -> Iterator[Finding]:
        """Newest-wins compares clocks."""
        drifts = {name: clock_drift(on.server) for name, on in self._on.items()}
        for name in self._names:
            settings = self._config.pipelines[name]
            source, target = drifts.get(settings.source), drifts.get(settings.target)
            if source is not None and target is not None:
                yield from skewed(name, source, target)

    def directions(self) -> Iterator[Finding]:
        """What one direction writes, the other should bring back: a table in one of two directions only drifts."""
        ways = {(p.source, p.target): name for name, p in self._config.pipelines.items() if name in self._names}
        for (source, target), name in ways.items():
            back = ways.get((target, source))
            if back is None:
                continue
            there = {(route.from_, route.to) for route in self._config.pipelines[name].tables}
            returned = {(route.to, route.from_) for route in self._config.pipelines[back].tables}
            for one, other in sorted(there - returned):
                yield info("PF060", name, f"{one} → {other} is not mapped back by {back}")

    def pipelines(self) -> Iterator[Finding]:
        for name in self._names:
            settings = self._config.pipelines[name]
            source, target = self._on.get(settings.source), self._on.get(settings.target)
            if target is not None:
                yield from _guarded(name, _set_up(name, source, target))
                yield from _guarded(name, _unsure(name, settings, target))
            if source is not None:
                yield from _guarded(name, self._routes(name, source, target))

    def _routes(self, name: str, source: OnDatabase, target: OnDatabase | None) -> Iterator[Finding]:
        routes = databases.routes(self._config, name)
        found = routes.expand(source.server.tables())
        others = [one for one in source.server.left_out() if routes.wanted(one[0])]
        yield from _others(name, routes, others)
        named = {id(route.settings) for table, _ in others for route in routes.for_table(table)}
        for entry in self._config.pipelines[name].tables:
            if not any(route.settings is entry for route in found) and id(entry) not in named:
                hint = "create it, grant SELECT on it to the agent's role, or correct `from`"
                yield error("PF040", name, f"there is no table {entry.from_} on {source.name}", hint)
        if target is not None:
            source.pictures.foresee(route.source for route in found)
            target.pictures.foresee(route.target for route in found)
            yield from _guarded(name, _existing(name, source, target, found))
            for route in found:
                yield from _guarded(name, self._route(name, route, routes, source, target))

    def _route(
        self, name: str, route: Route, routes: Routes, source: OnDatabase, target: OnDatabase
    ) -> Iterator[Finding]:
        source_table, target_table = source.pictures.describe(*route.source), target.pictures.describe(*route.target)
        where = f"{name}: {'.'.join(route.source)} → {'.'.join(route.target)}"
        if target_table is None:
            hint = "create it, or run cdc-agent setup --create-tables; the role needs rights on it to see it"
            yield error("PF041", where, f"there is no table {'.'.join(route.target)} on {target.name}", hint)
        if source_table is None or target_table is None:
            return
        on = OnRoute(
            pipeline=name,
            settings=self._config.pipelines[name],
            route=route.settings,
            source=source,
            target=target,
            source_table=source_table,
            old_rows=source.pictures.old_rows(route.source),
            target_name=route.target,
            target_table=target_table,
            routing=route,
            routed=routes.for_table,
        )
        origin, destination = SIDES[source.settings.engine], SIDES[target.settings.engine]
        for one in (*route_checks.CHECKS, *origin.source_checks, *destination.target_checks):
            yield from _guarded(on.where, one(on))


def _existing(name: str, source: OnDatabase, target: OnDatabase, routes: Sequence[Route]) -> Iterator[Finding]:
    if versions.found(target.server) > VERSION or checkpoints.read(target.server, name) is not None:
        return
    yield from existing.finding(name, source, target, routes)


def _others(name: str, routes: Routes, others: Sequence[tuple[TableName, str]]) -> Iterator[Finding]:
    """What routes take that is no table with a log: an error where it is named, else it is left out."""
    for table, kind in others:
        if routes.names(table):
            for route in routes.for_table(table):
                where = f"{name}: {'.'.join(table)} → {'.'.join(route.target)}"
                yield _not_logged(where, kind)
    left: dict[str, list[str]] = {}
    for table, kind in others:
        if not routes.names(table):
            left.setdefault(kind, []).append(".".join(table))
    for kind, names in left.items():
        finding = info if kind.endswith("view") else warning
        message = f"left out of what wildcards take ({kind}): {', '.join(names)}"
        yield finding("PF054", name, message, "`exclude` them, so that nobody expects their rows")


def _not_logged(where: str, kind: str) -> Finding:
    if kind == "system-versioned table":
        message = "the source table is system-versioned: its log does not tell history from rows"
        return error("PF053", where, message, "ALTER TABLE … DROP SYSTEM VERSIONING, or exclude the table")
    message = f"a route names what is no table with a log: it is of the kind {kind}"
    return error("PF040", where, message, "take the route out; a view's tables can be routed themselves")


def _guarded(where: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """A check that cannot look is a finding, and the others go on."""
    try:
        yield from findings
    except AgentError as problem:
        yield error("PF006", where, f"cannot be checked: {problem.message}", problem.advice)


def plain_connection(name: str, database: Database) -> Iterator[Finding]:
    """To another host, rows and passwords should not travel in the clear."""
    if _is_local(database.host):
        return
    if database.tls is None:
        yield warning("PF004", name, f"no `tls` for {database.host}", "add tls: {mode: verify-full, ca: …}")
    elif database.tls.mode in ("disable", "require"):
        message = f"tls mode {database.tls.mode} does not make sure that {database.host} is {database.host}"
        yield warning("PF004", name, message, "use verify-full")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("/")


def store_version(on: OnDatabase) -> Iterator[Finding]:
    """`run` stops at tables that an older or a newer program made."""
    version = versions.found(on.server) if on.targets else 0
    if version not in (0, VERSION):
        hint = TablesOutdated.hint if version < VERSION else TablesTooNew.hint
        yield error("PF063", on.name, mismatch(version), hint)


def _unsure(name: str, settings: PipelineSettings, target: OnDatabase) -> Iterator[Finding]:
    """Where a commit that was answered may be lost, the source keeps its log for a while."""
    because = SIDES[target.settings.engine].unsure(target)
    if because is None:
        return
    delay = settings.acknowledge.delay
    message = f"commits on {target.name} may be lost in a crash ({because}): "
    if delay is None:
        yield warning("PF065", name, message + f"the source is told {UNSURE_SECONDS:.0f} s late", _DURABLE)
    elif delay:
        yield info("PF065", name, message + f"the source is told {delay:.0f} s late", _DURABLE)
    else:
        yield warning("PF065", name, message + "the source is told at once, and rows may be lost", _DURABLE)


_DURABLE: Final = "make commits durable, or set the pipeline's `acknowledge: {delay: …}`"


def clock_drift(server: Admin) -> float:
    """Seconds by which the server's clock is ahead of ours, to within half a round trip."""
    before = time.time()
    found = server.clock()
    return found - (before + time.time()) / 2


def _set_up(name: str, source: OnDatabase | None, target: OnDatabase) -> Iterator[Finding]:
    if versions.found(target.server) > VERSION:
        return
    held = checkpoints.read(target.server, name)
    if held is None:
        yield info("PF061", name, f"there is no checkpoint on {target.name} yet", "cdc-agent setup -c FILE")
    elif source is not None:
        yield from SIDES[source.settings.engine].resumption(source, name, held.checkpoint.position)
    for state in memory.read(target.server, name).states:
        yield from _standing(name, state)


def _standing(name: str, state: TableState) -> Iterator[Finding]:
    where = f"{name}: {'.'.join(state.source)} → {'.'.join(state.target)}"
    if state.condition is Condition.WAITING:
        hint = f"{state.statement or 'mend the target'}; or cdc-agent schema accept"
        yield error("PF067", where, f"waits since {state.since}: {state.reason}", hint)
    elif state.condition is Condition.DIFFERING:
        hint = "make the tables equal, then cdc-agent schema accept"
        yield warning("PF068", where, f"differs since {state.since}: {state.reason}", hint)
