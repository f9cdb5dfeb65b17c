"""One batch beside the next: in order, one at a time, and no error gets lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cdc_agent.flow.overlap import Overlap


@pytest.fixture
def overlap() -> Iterator[Overlap]:
    made = Overlap("test")
    yield made
    made.close()


def test_work_beside_leaves_its_caller_free(overlap: Overlap) -> None:
    """The caller goes on at once, and `settle` waits for the work."""
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(60)
        done.set()

    overlap.run(work, beside=True)
    assert not done.is_set()
    release.set()
    overlap.settle()
    assert done.is_set()


def test_work_runs_in_order_and_one_at_a_time(overlap: Overlap) -> None:
    """Whether beside or not, a call begins when the one before it has ended."""
    running, order = threading.Semaphore(1), []

    def work(number: int) -> None:
        assert running.acquire(blocking=False)
        order.append(number)
        running.release()

    for number in range(50):
        overlap.run(lambda number=number: work(number), beside=number % 3 > 0)  # type: ignore[misc]
    overlap.settle()
    assert order == list(range(50))


def fail() -> None:
    raise ValueError("refused")


def test_one_call_waits_behind_the_one_that_runs(overlap: Overlap) -> None:
    """The caller may hand over a second call, and waits with the third."""
    release, handed = threading.Event(), threading.Event()

    def hand_over() -> None:
        for _ in range(3):
            overlap.run(lambda: assert_waited(release), beside=True)
        handed.set()

    caller = threading.Thread(target=hand_over, daemon=True)
    caller.start()
    assert not handed.wait(0.1)
    release.set()
    assert handed.wait(10)
    caller.join(10)
    overlap.settle()


def assert_waited(release: threading.Event) -> None:
    assert release.wait(10)


@pytest.mark.parametrize("behind", [0, 1])
def test_after_an_error_nothing_else_runs(overlap: Overlap, behind: int) -> None:
    """What waits behind it does not run, and it is raised in place of a later call; after that work is accepted again."""
    ran: list[int] = []
    overlap.run(fail, beside=True)
    for _ in range(behind):
        overlap.run(lambda: ran.append(1), beside=True)
    with pytest.raises(ValueError, match="refused"):
        overlap.run(lambda: ran.append(2), beside=False)
    assert ran == []
    assert not overlap.running
    overlap.run(lambda: ran.append(3), beside=True)
    overlap.settle()
    assert ran == [3]


def test_what_shares_the_connection_waits(overlap: Overlap) -> None:
    """A wrapped function sees the work done, and its error."""
    order: list[str] = []
    overlap.run(lambda: order.append("work"), beside=True)
    assert overlap.settled(lambda text: [*order, text])("asked") == ["work", "asked"]
    overlap.run(fail, beside=True)
    with pytest.raises(ValueError, match="refused"):
        overlap.settled(lambda: None)()


def test_close_ends_the_thread_whatever_came_of_the_work() -> None:
    """No thread outlives its session."""
    made = Overlap("closing")
    made.run(fail, beside=True)
    made.close()
    for thread in threading.enumerate():
        if thread.name == "closing":
            thread.join(60)
            assert not thread.is_alive()
