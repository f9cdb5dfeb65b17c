"""Which process a container, folder or database of the tests belongs to, so that orphans can be told and removed.

A test run may be several processes (pytest-xdist). Its *run* is named after the first of them, whose end is the run's:
what the processes share belongs to it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RUN = "CDC_TEST_RUN"


def me() -> str:
    """The name of this process, which no later one gets: `<pid>.<start time in clock ticks>`."""
    return f"{os.getpid()}.{_start_time(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Whether the process of that name still runs on this machine."""
    pid, _, started = owner.partition(".")
    return _start_time(int(pid)) == started


def begin_run() -> None:
    """Make this process the first of a run, to which those that it starts belong."""
    os.environ[_RUN] = me()


def run() -> str:
    """The name of the process that started this run."""
    return os.environ.get(_RUN) or me()


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Only one process of this user at a time goes through, for each name."""
    with (Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start_time(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(")")[2].split()[19]
