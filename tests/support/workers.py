"""Threads beside a test whose errors are not lost."""

from __future__ import annotations

import threading
from abc import abstractmethod


class Worker(threading.Thread):
    """Does its `work` beside the test; `finish` waits for the end of it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None

    @abstractmethod
    def work(self) -> None:
        """All of it."""

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: `finish` raises it
            self.error = error

    def finish(self) -> None:
        """Wait for the end, and raise what stopped the work early."""
        self.join()
        if self.error is not None:
            raise self.error
