"""Which servers the long workloads cross, and how long they run.

A short run (CI) takes seconds; `CDC_TEST_SLOW=1` (`make test-all`) takes the full minute of each, and a million rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.support import servers
from tests.support.servers import Server, ServerSpec

SLOW = os.environ.get("CDC_TEST_SLOW") == "1"


@pytest.fixture
def seconds() -> float:
    """How long a workload writes."""
    return 60.0 if SLOW else 6.0


@pytest.fixture
def kills() -> int:
    """How often an agent is killed."""
    return 20 if SLOW else 3


@pytest.fixture
def pause() -> float:
    """Seconds that an agent lives at least before it is killed."""
    return 3.0 if SLOW else 0.0


@pytest.fixture
def large_rows() -> int:
    """Rows of the large transaction."""
    return 1_000_000 if SLOW else 100_000


@pytest.fixture
def crossing(request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """PostgreSQL against MariaDB and MySQL, each as source and as target."""
    source, target = request.param
    return servers.server(source), servers.server(target)


@pytest.fixture
def every_pair(request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """Every pair of engines: the crossings, PostgreSQL to PostgreSQL, MySQL or MariaDB to the other."""
    source, target = request.param
    return servers.server(source), servers.server(target)


@pytest.fixture
def outward(request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """PostgreSQL as the source, MariaDB and MySQL as targets."""
    source, target = request.param
    return servers.server(source), servers.server(target)


@pytest.fixture
def quiet_crossing(request: pytest.FixtureRequest, private_server: Callable[..., Server]) -> tuple[Server, ...]:
    """The same, on servers whose log nobody else writes to."""
    return tuple(private_server(spec, in_memory=True) for spec in request.param)


@pytest.fixture
def star(request: pytest.FixtureRequest, private_server: Callable[..., Server]) -> tuple[Server, ...]:
    """Three servers, the hub in the middle."""
    return tuple(private_server(spec, in_memory=True) for spec in request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The pairs are made from the servers of the run; with `CDC_TEST_SLOW` all pairs, else one for each engine."""
    chosen = servers.selection()
    postgres, mysql = chosen.of("postgres"), [*chosen.of("mariadb")[:1], *chosen.of("mysql")[-1:]]
    if "crossing" in metafunc.fixturenames:
        _parametrize(metafunc, "crossing", _crossings(postgres, mysql))
    if "every_pair" in metafunc.fixturenames:
        alike = [(postgres[0], postgres[-1]), (mysql[-1], mysql[0])]
        _parametrize(metafunc, "every_pair", [*_crossings(postgres, mysql), *alike])
    if "outward" in metafunc.fixturenames:
        _parametrize(metafunc, "outward", _crossings(postgres, mysql)[::2])
    if "quiet_crossing" in metafunc.fixturenames:
        _parametrize(metafunc, "quiet_crossing", _crossings(postgres, mysql)[::2])
    if "star" in metafunc.fixturenames:
        _parametrize(metafunc, "star", [(postgres[-1], hub, postgres[0]) for hub in mysql[:1]])


def _crossings(postgres: list[ServerSpec], mysql: list[ServerSpec]) -> list[tuple[ServerSpec, ...]]:
    """Oldest with oldest, newest with newest, in both directions."""
    pairs: list[tuple[ServerSpec, ...]] = []
    for number, other in enumerate(mysql):
        one = postgres[0] if number == 0 else postgres[-1]
        pairs += [(one, other), (other, one)]
    return pairs


def _parametrize(metafunc: pytest.Metafunc, name: str, values: list[tuple[ServerSpec, ...]]) -> None:
    metafunc.parametrize(name, values, ids=lambda value: "-".join(map(str, value)), indirect=True)
