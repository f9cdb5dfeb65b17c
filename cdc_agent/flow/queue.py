"""The queue between the reader thread and the applier thread, bounded in bytes.

The reader hands over every transaction at once; the applier drains whatever is there, so that an idle system has the
latency of one transaction and a busy one has large batches. There is no batch timer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from cdc_agent.flow.threads import REAL, Threads
from cdc_agent.model.changes import Rows, Transaction

KEEPALIVE_SECONDS: Final = 1.0
TRANSACTION_BYTES: Final = 700
"""What a transaction takes up besides its log data: a queue of small ones would hold several times its limit."""

WIDE_BYTES: Final = 800
"""Rows of so many bytes on average are wide."""
WIDE_TIMES: Final = 4


class Closed(Exception):
    """The queue was closed while the reader waited for room."""


class TransactionQueue:
    """One producer, one consumer."""

    def __init__(self, limit: int, threads: Threads = REAL) -> None:
        self._limit = limit
        self._items: deque[Transaction] = deque()
        self._size = 0
        self._clock = threads.clock
        self._lock, self._changed = threads.condition()
        """The lock is taken by itself where it is taken often: a Condition's own `with` runs twice as long."""
        self._closed = False
        self._woken = False
        self._error: BaseException | None = None

    @property
    def size(self) -> int:
        """Bytes of log data held now."""
        return self._size

    @property
    def waiting(self) -> float:
        """Seconds that the oldest transaction in the queue has waited; 0 when it is empty."""
        try:
            return max(0.0, self._clock() - self._items[0].received)
        except IndexError:
            return 0.0

    @property
    def _full(self) -> bool:
        return self._size + TRANSACTION_BYTES * len(self._items) >= self._limit

    def put(self, transaction: Transaction, keepalive: Callable[[], None]) -> None:
        """Append, waiting for room; calls `keepalive` every second meanwhile. Raises Closed."""
        transaction.received = self._clock()
        while not self._try_put(transaction):
            keepalive()

    def _try_put(self, transaction: Transaction) -> bool:
        with self._lock:
            if self._full and not self._closed:
                self._changed.wait(KEEPALIVE_SECONDS)
                if self._full and not self._closed:
                    return False
            if self._closed:
                raise Closed
            self._items.append(transaction)
            self._size += transaction.size
            if len(self._items) == 1:
                self._changed.notify()
            return True

    def fail(self, error: BaseException) -> None:
        """The reader ended with `error`; the applier gets it once the queue is empty."""
        with self._changed:
            self._error = error
            self._changed.notify()

    def wake(self) -> None:
        """End the waiting of a `drain`, or of the next one that would wait."""
        with self._lock:
            self._woken = True
            self._changed.notify()

    def drain(self, limit: int, timeout: float) -> list[Transaction]:
        """Whatever is queued, up to about `limit` bytes; [] when nothing came within `timeout` seconds.

        Up to four times as many where rows are wide: it is their number that costs memory, and bytes that cost commits.
        Raises the reader's error after everything that it had handed over was drained.
        """
        with self._lock:
            if not self._items and self._error is None:
                if not self._woken:
                    self._changed.wait(timeout)
                self._woken = False
            drained: list[Transaction] = []
            size = 0
            full = self._full
            size = self._take(drained, 0, limit)
            if self._items and size >= WIDE_BYTES * _rows(drained) > 0:
                size = self._take(drained, size, limit * WIDE_TIMES)
            if not drained and self._error is not None:
                raise self._error
            self._size -= size
            if full and not self._full:
                self._changed.notify()
            return drained

    def _take(self, drained: list[Transaction], size: int, limit: int) -> int:
        """Add to what was drained; the bytes of all of it."""
        items = self._items
        while items and size < limit:
            transaction = items.popleft()
            drained.append(transaction)
            size += transaction.size
        return size

    def close(self) -> None:
        """Let the reader go: a waiting or later `put` raises Closed."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _rows(transactions: Iterable[Transaction]) -> int:
    return sum([len(piece.messages) for one in transactions for piece in one.pieces if isinstance(piece, Rows)])
