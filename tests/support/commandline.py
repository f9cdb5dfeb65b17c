"""The agent's command line in processes of its own, without paying for its imports each time.

A fork server imports the agent once; every command is then a forked process that runs `cdc_agent.cli.main` as the
installed program would, with its own environment, output and exit status, and can be killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PRELOADED = [
    "cdc_agent.cli.run",
    "cdc_agent.cli.setup",
    "cdc_agent.cli.status",
    "cdc_agent.cli.teardown",
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_PRELOADED)


@dataclass(frozen=True)
class Done:
    """What a finished command left."""

    status: int
    out: str
    err: str


class AgentProcess:
    """A running command, in the terms of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> None:
        self._process = _context.Process(
            target=_run, args=(list(arguments), dict(environment), str(out), str(err)), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("cdc-agent", timeout or 0)
        return self._process.exitcode


def run(arguments: Sequence[str], environment: Mapping[str, str], timeout: float) -> Done:
    """Run one command to its end. Raises subprocess.TimeoutExpired, the command then killed."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = AgentProcess(arguments, environment, out, err)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return Done(status, out.read_text(errors="replace"), err.read_text(errors="replace"))


def _run(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """In the forked process: become the command line."""
    os.environ.clear()
    os.environ.update(environment)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for path, descriptor in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    from cdc_agent.cli import main

    main(arguments, prog_name="cdc-agent")
