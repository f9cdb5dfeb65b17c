"""CPU seconds and peak memory of processes with their children, as the kernel counts them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of the processes, their living children, and the children that they waited for."""
    return sum(_own_and_waited(process) for pid in pids for process in _tree(pid))


def peak_mib(pid: int) -> float:
    """The highest resident memory so far, each process's own peak added up (MiB)."""
    return sum(_high_water(process.pid) for process in _tree(pid)) / 1024


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _own_and_waited(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _high_water(pid: int) -> int:
    """In kB, as the kernel says it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
