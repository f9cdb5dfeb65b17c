"""``cdc-agent run``: all pipelines in one process until a signal, an error, or (when asked) until caught up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

import click
import structlog
from rich.console import Console
from rich.live import Live

from cdc_agent.cli.common import STOPPED, Invocation, common
from cdc_agent.flow import pipeline
from cdc_agent.model.status import Status, as_json
from cdc_agent.observe import logs, tables

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 10.0
"""A stop that takes longer is cut short; the target rolls back what was open."""


@click.command("run")
@common
@click.option("--until-caught-up", is_flag=True, help="Apply what is committed now, then exit.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(invocation: Invocation, until_caught_up: bool, log_level: str) -> None:
    """Replicate until stopped by a signal; rows and checkpoints commit together, so any stop is safe."""
    config = invocation.config()
    names = invocation.chosen(config)
    logs.configure(json_lines=True if invocation.as_json else None, level=log_level)
    stop = _stop_on_signals()
    board = Board()
    try:
        with _shown(board, enabled=sys.stdout.isatty() and not invocation.as_json):
            pipeline.run(config, names, until_caught_up=until_caught_up, on_status=board.put, stop=stop)
    finally:
        if invocation.as_json:
            invocation.show("", as_json(board.latest()))


class Board:
    """The latest status of every pipeline; written by their threads, read by the display."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, Status] = {}

    def put(self, status: Status) -> None:
        """Keep `status` as its pipeline's latest; any thread."""
        with self._lock:
            self._latest[status.name] = status

    def latest(self) -> list[Status]:
        """In the order in which the pipelines were first seen; any thread."""
        with self._lock:
            return list(self._latest.values())


@contextlib.contextmanager
def _shown(board: Board, *, enabled: bool) -> Iterator[None]:
    if not enabled:
        yield
        return
    with Live(get_renderable=lambda: tables.running(board.latest()), console=Console(), refresh_per_second=2):
        yield


def _stop_on_signals() -> threading.Event:
    """The first signal asks to stop and starts the clock, a second one exits at once."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set():
            os._exit(STOPPED)
        stop.set()
        watchdog = threading.Timer(STOP_SECONDS, os._exit, (STOPPED,))
        watchdog.daemon = True
        watchdog.start()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, handle)
    return stop
