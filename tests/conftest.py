"""Fixtures that give a test real servers, and the part of the report that says which servers a run used.

A test that takes one of these runs once for each server (or pairing) of the run, see `tests.support.servers`:
`any_postgres`, `any_mysql` (MySQL and MariaDB), `any_server`, `pairing`. One server each give `postgres`, `mysql` and
`mariadb`. `private_server` starts servers that the test may stop, kill and pause.
"""

from __future__ import annotations

import atexit
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support import choice, owner, report, servers
from tests.support.engines import Engine
from tests.support.memory.rig import MemoryServer
from tests.support.report import Report
from tests.support.servers import Pairing, Server, ServerSpec

# A new checkout's first drawn text takes a second, for which a test chosen by chance would have to answer.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

_report = Report()


@pytest.fixture
def postgres() -> Server:
    """The newest PostgreSQL of the run."""
    return servers.server(_newest("postgres"))


@pytest.fixture
def mysql() -> Server:
    """The newest MySQL of the run, or else the newest MariaDB."""
    return servers.server(_newest("mysql", "mariadb"))


@pytest.fixture
def mariadb() -> Server:
    """The newest MariaDB of the run."""
    return servers.server(_newest("mariadb"))


@pytest.fixture
def any_postgres(request: pytest.FixtureRequest) -> Server:
    """Each PostgreSQL of the run in turn."""
    return servers.server(request.param)


@pytest.fixture
def any_mysql(request: pytest.FixtureRequest) -> Server:
    """Each MySQL and MariaDB of the run in turn."""
    return servers.server(request.param)


@pytest.fixture
def any_server(request: pytest.FixtureRequest) -> Server:
    """Each server of the run in turn."""
    return servers.server(request.param)


@pytest.fixture
def any_target(request: pytest.FixtureRequest) -> Server | MemoryServer:
    """Each server of the run in turn, and the target in memory that the simulation writes to."""
    return request.param if isinstance(request.param, MemoryServer) else servers.server(request.param)


@pytest.fixture
def any_source(request: pytest.FixtureRequest) -> Server | MemoryServer:
    """Each server of the run in turn, and the source in memory that the simulation reads from."""
    return request.param if isinstance(request.param, MemoryServer) else servers.server(request.param)


@pytest.fixture
def pairing(request: pytest.FixtureRequest) -> Pairing:
    """Each of the four pairings of PostgreSQL and MySQL, so that every version is a source and a target."""
    source, target = request.param
    return Pairing(servers.server(source), servers.server(target))


@pytest.fixture
def private_server() -> Iterator[Callable[..., Server]]:
    """`private_server(spec, settings={…}, in_memory=False)`: a server of the test's own, gone after the test.

    `spec` is a `ServerSpec`, or a shared server of which another like it is wanted.
    """
    started: list[Server] = []

    def start(
        like: ServerSpec | Server, settings: Mapping[str, str] | None = None, *, in_memory: bool = False
    ) -> Server:
        spec = like.spec if isinstance(like, Server) else like
        started.append(servers.launch(spec, settings, in_memory=in_memory))
        return started[-1]

    yield start
    for one in started:
        one.remove()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_postgres" in metafunc.fixturenames:
        _parametrize(metafunc, "any_postgres", _of("postgres"))
    if "any_mysql" in metafunc.fixturenames:
        _parametrize(metafunc, "any_mysql", _of("mariadb", "mysql"))
    if "any_server" in metafunc.fixturenames:
        _parametrize(metafunc, "any_server", _of("postgres", "mariadb", "mysql"))
    for name in {"any_source", "any_target"}.intersection(metafunc.fixturenames):
        _parametrize(metafunc, name, [*_of("postgres", "mariadb", "mysql"), MemoryServer()])
    if "pairing" in metafunc.fixturenames:
        _parametrize(metafunc, "pairing", servers.pairings(_of("postgres"), _of("mariadb", "mysql")))


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        owner.begin_run()
    atexit.register(servers.close)
    signal.signal(signal.SIGTERM, _end_in_order)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones first, else in a parallel run one process works on at the end and the others wait for it."""
    if choice.QUICK:
        kept, left_out = choice.quick(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    items.sort(key=choice.is_short)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of a parallel run has ended, and tells of its servers."""
    _report.add(getattr(node, "workeroutput", {}).get("servers", {}))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run that executed nothing proves nothing."""
    if _is_worker(session.config):
        session.config.workeroutput["servers"] = report.here()
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    executed = reporter is None or any(reporter.getreports(kind) for kind in ("passed", "failed", "error", "xfailed"))
    if not executed and exitstatus == pytest.ExitCode.OK and not session.config.option.collectonly:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The seed, the servers that the run used and, so that nobody overlooks them, those it should have used."""
    if (seed := config.getoption("randomly_seed", None)) is not None:
        terminalreporter.line(f"to repeat this order: pytest --randomly-seed={seed}")
    _report.add(report.here())
    if not (_report.used or _report.missing):
        return
    terminalreporter.section("servers")
    for line in _report.lines():
        terminalreporter.line(line)
    for line in _report.complaints():
        terminalreporter.line(line, red=True, bold=True)


def pytest_unconfigure() -> None:
    servers.close()


def _is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several of a parallel run, and not the first."""
    return hasattr(config, "workerinput")


def _of(*engine: Engine) -> list[ServerSpec]:
    return servers.selection().of(*engine)


def _newest(*engine: Engine) -> ServerSpec:
    for one in engine:
        if found := _of(one):
            return found[-1]
    pytest.skip(f"no {' or '.join(engine)} server in this run")


def _parametrize(metafunc: pytest.Metafunc, name: str, values: Sequence[object]) -> None:
    metafunc.parametrize(name, values, ids=_id, indirect=True)


def _id(value: ServerSpec | tuple[ServerSpec, ServerSpec]) -> str:
    return "-to-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _end_in_order(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(f"signal {number}")
