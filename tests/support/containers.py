"""Servers in containers, by testcontainers: ours (`docker/images/build`) or the official images, called the same way.

A container belongs to a process, named in a label: a shared one to the run's first process, any other to the one that
started it. What a killed test run left behind is removed by the next one. With `CDC_TEST_REUSE=1` the shared containers
have fixed names, outlive the run and are found again; any other value is part of these names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")

from docker.client import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container as DockerHandle
from testcontainers.core.container import DockerContainer

from tests.support import engines, owner
from tests.support.engines import Engine

PREFIX = "cdc-test"
STOP_SECONDS = 60
START_TRIES = 5
TMPFS_SIZE = "size=6g"

_OWNER_LABEL = "cdc-agent.test.owner"
_SETTINGS_LABEL = "cdc-agent.test.settings"
_SOCKET = "/var/run/docker.sock"
_DATA_FOLDER: Mapping[Engine, str] = {
    "postgres": "/cdc-test-data",
    "mysql": "/var/lib/mysql",
    "mariadb": "/var/lib/mysql",
}


@cache
def engine_answers() -> bool:
    """Whether a Docker engine can be used from here."""
    if not os.environ.get("DOCKER_HOST") and not os.access(_SOCKET, os.R_OK | os.W_OK):
        return False  # the client would leave a connection open that failed
    try:
        return bool(_client().ping())
    except (DockerException, OSError):
        return False


def our_images() -> list[str]:
    """The images made by `docker/images/build` that the Docker engine has."""
    if not engine_answers():
        return []
    tags = [tag for image in _client().images.list(name=f"{PREFIX}-*") for tag in image.tags]
    return [tag for tag in tags if tag.startswith(tuple(f"{PREFIX}-{engine}:" for engine in engines.ENGINES))]


@dataclass
class Container:
    """One server in a container; its port stays the same when it is stopped and started again."""

    handle: DockerHandle
    port: int
    shared: bool

    def start(self) -> None:
        self.handle.start()

    def stop(self) -> None:
        self.handle.stop(timeout=STOP_SECONDS)

    def kill(self) -> None:
        self.handle.kill("SIGKILL")
        self.handle.wait()

    def pause(self) -> None:
        self.handle.pause()

    def resume(self) -> None:
        self.handle.unpause()

    def alive(self) -> bool:
        self.handle.reload()
        return bool(self.handle.status in ("running", "paused"))

    def log(self) -> str:
        return bytes(self.handle.logs()).decode(errors="replace")

    def remove(self) -> None:
        if self.shared:
            return
        with suppress(NotFound):
            self.handle.remove(force=True, v=True)


def launch(engine: Engine, image: str, settings: Mapping[str, str], *, in_memory: bool) -> Container:
    """Start a container that ends with this process. `in_memory` data is lost when it stops."""
    return _launch(engine, image, settings, in_memory=in_memory)


def shared(engine: Engine, image: str, run: str | None) -> Container:
    """The run's container of this image, or a new one. Without a run it is one that stays (`CDC_TEST_REUSE`)."""
    name = "-".join([PREFIX, engine, image.rpartition(":")[2], *([run] if run else _kept())])
    with owner.lock(name):
        found = _running(name)
        if found is not None and found.labels.get(_SETTINGS_LABEL) == _fingerprint(engine):
            return Container(found, _published_port(found, engine), shared=True)
        if found is not None:
            raise RuntimeError(f"{name} runs with other settings than these tests want: docker rm -fv {name}")
        return _launch(engine, image, {}, in_memory=True, name=name, run=run)


def _kept() -> list[str]:
    """The name that `CDC_TEST_REUSE` gives to a set of servers of its own: a branch with another store needs one."""
    name = os.environ.get("CDC_TEST_REUSE", "1")
    return [] if name == "1" else [name]


def sweep() -> None:
    """Remove the containers of test runs that no longer exist."""
    with owner.lock("cdc-test-sweep"):
        _remove_those(lambda name: not owner.is_alive(name))


def end_run() -> None:
    """Remove the containers that this process's run has shared."""
    if engine_answers():
        _remove_those(lambda name: name == owner.me())


def _remove_those(belongs: Callable[[str], bool]) -> None:
    for container in _client().containers.list(all=True, filters={"label": _OWNER_LABEL}, ignore_removed=True):
        if belongs(container.labels[_OWNER_LABEL]):
            with suppress(NotFound):
                container.remove(force=True, v=True)


@cache
def _client() -> DockerClient:
    return DockerClient.from_env()


def _launch(
    engine: Engine,
    image: str,
    settings: Mapping[str, str],
    *,
    in_memory: bool,
    name: str | None = None,
    run: str | None = None,
) -> Container:
    labels = {_SETTINGS_LABEL: _fingerprint(engine)} if name else {}
    if run or not name:
        labels[_OWNER_LABEL] = run or owner.me()
    for attempt in range(1, START_TRIES + 1):
        port = engines.free_port()
        container = _configured(engine, image, settings, port, in_memory=in_memory)
        container.with_kwargs(labels=labels)
        if name:
            container.with_name(name)
        try:
            container.start()
        except APIError as error:
            container.stop()
            if "port is already allocated" not in str(error) or attempt == START_TRIES:
                raise
            continue
        return Container(container.get_wrapped_container(), port, shared=name is not None)
    raise AssertionError("unreachable")


def _configured(
    engine: Engine, image: str, settings: Mapping[str, str], port: int, *, in_memory: bool
) -> DockerContainer:
    container = DockerContainer(image).with_command(engines.arguments(engine, settings))
    for key, value in _environment(engine).items():
        container.with_env(key, value)
    published: Any = ("127.0.0.1", port)
    container.ports[f"{engines.port_inside(engine)}/tcp"] = published
    if in_memory:
        container.with_tmpfs_mount(_DATA_FOLDER[engine], TMPFS_SIZE)
    return container


def _environment(engine: Engine) -> dict[str, str]:
    if engine == "postgres":
        data = f"{_DATA_FOLDER[engine]}/data"
        return {"TZ": engines.TIME_ZONE, "POSTGRES_PASSWORD": engines.ADMIN_PASSWORD, "PGDATA": data}
    return {"TZ": engines.TIME_ZONE, f"{engine.upper()}_ROOT_PASSWORD": engines.ADMIN_PASSWORD}


def _fingerprint(engine: Engine) -> str:
    """What the server was told; `loose` only says that a server which does not know a setting may start without it."""
    words = [word.replace("--loose-", "--") for word in engines.arguments(engine, {}) if "--server-id=" not in word]
    return hashlib.sha256("\0".join([*words, *_environment(engine).values()]).encode()).hexdigest()[:16]


def _running(name: str) -> DockerHandle | None:
    try:
        container = _client().containers.get(name)
    except NotFound:
        return None
    if container.status == "running":
        return container
    container.remove(force=True, v=True)
    return None


def _published_port(container: DockerHandle, engine: Engine) -> int:
    return int(container.ports[f"{engines.port_inside(engine)}/tcp"][0]["HostPort"])
