"""The demonstration itself: servers, schemas, agent, two applications, and the proof.

The agent runs as it would for anybody: `cdc-agent setup` and `cdc-agent run` on a file of `configs/`, in processes of
their own. What is shown comes from the applications and from the store on the targets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg
import pymysql
from rich.console import Console
from rich.live import Live

from cdc_agent.config.load import load
from cdc_agent.config.model import Config
from cdc_agent.demo import proof, servers, show
from cdc_agent.demo.proof import Digest
from cdc_agent.demo.servers import RunningServer
from cdc_agent.demo.writers import CrmWriter, PhoneWriter, Writer
from cdc_agent.model.checkpoints import Checkpoint
from cdc_agent.preflight.servers import Servers
from cdc_agent.store import checkpoints

STILL_SECONDS: Final = 5.0
CATCH_UP_SECONDS: Final = 60.0
PIPELINES: Final = {"phone-to-crm": "phone → crm", "crm-to-phone": "crm → phone"}

Read: TypeAlias = "Callable[[str], Checkpoint | None]"
"""A pipeline's checkpoint as its target holds it now."""


class DemoFailed(Exception):
    """The demonstration did not end as it should; the message says how."""


def play(config: Path, seconds: float, console: Console) -> bool:
    """Run the whole demonstration; True when both sides agree and nothing echoed. Raises DemoFailed, ServerMissing."""
    with contextlib.ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cdc-demo-"))) for _ in range(3)]
        with console.status("starting a PostgreSQL and a MySQL or MariaDB of its own …"):
            phone_server = stack.enter_context(servers.postgres(folders[0]))
            crm_server = stack.enter_context(servers.mysql(folders[1]))
            _load_schemas(phone_server, crm_server)
        environment = _environment(phone_server, crm_server)
        connect_phone = partial(_connect_phone, phone_server)
        connect_crm = partial(_connect_crm, crm_server)
        phone, crm = stack.enter_context(connect_phone()), stack.enter_context(connect_crm())
        _announce(console, phone, crm, config)
        _agent(["setup", "-c", str(config)], environment)
        checkpoint = stack.enter_context(_checkpoints(load(config, environment)))
        agent = stack.enter_context(_running_agent(config, environment, folders[2] / "agent.log"))
        with console.status("the agent connects …"):
            _wait_until(lambda: agent.poll() is not None or _streams(checkpoint))
        stop = threading.Event()
        writers = (PhoneWriter(connect_phone, connect_crm, 1, stop), CrmWriter(connect_crm, connect_phone, 2, stop))
        _write_and_watch(writers, stop, seconds, checkpoint, console)
        if agent.poll() is not None:
            raise DemoFailed(f"the agent ended:\n{(folders[2] / 'agent.log').read_text()[-4000:]}")
        return _prove(writers, phone, crm, checkpoint, console, folders[2] / "agent.log")


def _load_schemas(phone: RunningServer, crm: RunningServer) -> None:
    with psycopg.connect(phone.url("postgres"), password=phone.password, autocommit=True) as connection:
        connection.execute("CREATE DATABASE phone")
    with _connect_phone(phone) as connection:
        connection.execute(_packaged("phone.sql").encode())
    with _connect_crm(crm, database=None) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE crm CHARACTER SET utf8mb4")
        cursor.execute("USE crm")
        for statement in _packaged("crm.sql").split(";\n"):
            if statement.strip():
                cursor.execute(statement)


def _packaged(name: str) -> str:
    return resources.files("cdc_agent.demo").joinpath(name).read_text("utf-8")


def _connect_phone(server: RunningServer) -> psycopg.Connection[Any]:
    return psycopg.connect(server.url("phone"), password=server.password)


def _connect_crm(server: RunningServer, database: str | None = "crm") -> Any:
    return pymysql.connect(
        host="127.0.0.1",
        port=server.port,
        user=server.user,
        password=server.password,
        database=database,
        charset="utf8mb4",
        init_command="SET time_zone = '+00:00', auto_increment_increment = 2, auto_increment_offset = 2",
    )


def _environment(phone: RunningServer, crm: RunningServer) -> dict[str, str]:
    return {
        **os.environ,
        "PHONE_URL": phone.url("phone"),
        "PHONE_PASSWORD": phone.password,
        "CRM_URL": crm.url("crm"),
        "CRM_PASSWORD": crm.password,
    }


def _announce(console: Console, phone: Any, crm: Any, config: Path) -> None:
    with crm.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        crm_version = cursor.fetchone()[0]
    console.print(f"phone: PostgreSQL {phone.info.server_version // 10000} on 127.0.0.1:{phone.info.port}")
    console.print(f"crm:   {crm_version} on 127.0.0.1:{crm.port}")
    console.print(f"agent: cdc-agent run -c {config}\n")


def _agent(arguments: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "cdc_agent", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"cdc-agent {arguments[0]} failed:\n{done.stderr or done.stdout}")


@contextlib.contextmanager
def _running_agent(config: Path, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "cdc_agent", "run", "-c", str(config)]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _checkpoints(config: Config) -> Iterator[Read]:
    with Servers(config, "demo") as targets:

        def read(pipeline: str) -> Checkpoint | None:
            held = checkpoints.read(targets[config.pipelines[pipeline].target], pipeline)
            return held.checkpoint if held else None

        yield read


def _streams(checkpoint: Read) -> bool:
    """Whether an agent has taken every pipeline: each then has a generation."""
    return all(found is not None and found.generation > 0 for found in map(checkpoint, PIPELINES))


def _write_and_watch(
    writers: tuple[Writer, Writer], stop: threading.Event, seconds: float, checkpoint: Read, console: Console
) -> None:
    deadline = time.monotonic() + seconds
    for writer in writers:
        writer.start()
    with Live(console=console, refresh_per_second=4) as screen:
        while (left := deadline - time.monotonic()) > 0 and all(writer.is_alive() for writer in writers):
            screen.update(show.live(_directions(writers, checkpoint), left))
            stop.wait(0.25)
        stop.set()
        for writer in writers:
            writer.join()
        screen.update(show.live(_directions(writers, checkpoint), 0))
    console.print()
    for writer in writers:
        if writer.error is not None:
            raise DemoFailed(f"an application failed: {writer.error}") from writer.error


def _directions(writers: tuple[Writer, Writer], checkpoint: Read) -> list[show.Direction]:
    directions = []
    for (name, label), writer in zip(PIPELINES.items(), writers, strict=True):
        if (found := checkpoint(name)) is None:
            raise DemoFailed(f"the checkpoint of {name} is gone")
        directions.append(show.Direction(label, writer.tally, found.transactions, found.echoes))
    return directions


def _prove(writers: tuple[Writer, Writer], phone: Any, crm: Any, checkpoint: Read, console: Console, log: Path) -> bool:
    with console.status("waiting until the agent has caught up …"):
        _wait_until(lambda: all(d.applied >= d.tally.commits for d in _directions(writers, checkpoint)))
        before = _settled(phone, crm)
        time.sleep(STILL_SECONDS)
        still = proof.writes(phone, crm) == before
    pairs = _digests(phone, crm)
    directions = _directions(writers, checkpoint)
    console.print(show.digests(pairs))
    console.print(show.verdict(directions, STILL_SECONDS, still=still))
    good = still and all(a == b for _, a, b in pairs) and all(d.tally.commits == d.applied for d in directions)
    if not good:
        console.print("[bold red]that is not as it must be[/]; the agent's log:")
        console.print(log.read_text()[-4000:], markup=False)
    return good


def _settled(phone: Any, crm: Any) -> proof.Marks:
    """The writes once two looks a second and a half apart agree: the last echoes' positions are then written too."""
    seen = [proof.writes(phone, crm)]

    def quiet() -> bool:
        time.sleep(1.5)
        seen.append(proof.writes(phone, crm))
        return seen[-1] == seen[-2]

    _wait_until(quiet)
    return seen[-1]


def _digests(phone: Any, crm: Any) -> list[tuple[str, Digest, Digest]]:
    return [
        (one.name, proof.digest(phone, one.phone_query), proof.digest(crm, one.crm_query)) for one in proof.COMPARISONS
    ]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
