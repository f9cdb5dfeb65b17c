"""The queue: bounded in bytes, whole in order, and never silent about the reader's end."""

from __future__ import annotations

import threading

import pytest

from cdc_agent.flow.queue import TRANSACTION_BYTES, Closed, TransactionQueue
from cdc_agent.model.changes import Identity, Rows, Table, Transaction


def transaction(size: int) -> Transaction:
    return Transaction([], size, ())


def test_drain_gives_everything_in_order_up_to_the_limit() -> None:
    """The applier takes what is queued, in order, and stops once the batch is large enough."""
    queue = TransactionQueue(10_000)
    items = [transaction(40) for _ in range(5)]
    for item in items:
        queue.put(item, lambda: None)
    assert queue.drain(100, 0) == items[:3]
    assert queue.drain(100, 0) == items[3:]
    assert queue.drain(100, 0) == []


def test_drain_takes_more_of_wide_rows() -> None:
    """A batch of a few wide rows is as large as four of narrow ones."""
    table = Table("s", "t", (), (), Identity.KEY, lambda messages: [])
    for size, count in ((1000, 12), (100, 3)):
        queue = TransactionQueue(100_000)
        for _ in range(20):
            queue.put(Transaction([Rows(table, [b""] * (1 if size == 1000 else 10))], 1000, ()), lambda: None)
        assert len(queue.drain(3000, 0)) == count
        assert queue.size == (20 - count) * 1000


def test_a_full_queue_blocks_the_reader_and_keeps_its_connection_alive() -> None:
    """While the applier is busy the reader waits, and calls its source's keepalive meanwhile."""
    queue = TransactionQueue(10)
    queue.put(transaction(50), lambda: None)
    alive = threading.Event()
    done = threading.Event()

    def read() -> None:
        queue.put(transaction(1), alive.set)
        done.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert alive.wait(60)
    assert not done.is_set()
    assert len(queue.drain(1000, 0)) == 1
    assert done.wait(60)
    reader.join()


def test_small_transactions_fill_the_queue_by_what_they_take_up() -> None:
    """Transactions without a byte of log data do not pile up for ever."""
    queue = TransactionQueue(10 * TRANSACTION_BYTES)
    for _ in range(10):
        queue.put(transaction(0), lambda: None)
    with pytest.raises(Closed):
        queue.put(transaction(0), keepalive=queue.close)


def test_the_readers_error_comes_after_what_it_read() -> None:
    """Whatever was read before the connection broke is applied before the error is met."""
    queue = TransactionQueue(1000)
    queue.put(transaction(1), lambda: None)
    queue.fail(ValueError("broken"))
    assert len(queue.drain(1000, 0)) == 1
    with pytest.raises(ValueError, match="broken"):
        queue.drain(1000, 0)


def test_close_frees_a_waiting_reader() -> None:
    """A reader that waits for room learns at once that nobody will make any."""
    queue = TransactionQueue(10)
    queue.put(transaction(50), lambda: None)
    threading.Timer(0.05, queue.close).start()
    with pytest.raises(Closed):
        queue.put(transaction(1), lambda: None)
