"""What PostgreSQL's snapshots hide, and which received transactions are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cdc_agent.engines.postgres.visible import hidden, in_progress
from cdc_agent.errors import NotYetVisible
from cdc_agent.sources.postgres.received import KEPT, Received, Unseen


@pytest.mark.parametrize(
    ("snapshot", "unseen"),
    [
        ("10:20:", [20, 21]),
        ("10:20:12", [12, 20, 21]),
        ("10:21:12,20", [12, 20, 21]),
        ("10:22:", []),
    ],
)
def test_a_snapshot_hides_what_runs_and_what_is_not_before_its_end(snapshot: str, unseen: list[int]) -> None:
    """The youngest transaction of all stands in no list while it commits."""
    assert hidden(snapshot, [9, 12, 19, 20, 21]) == unseen


def test_ids_wrap_around() -> None:
    """The log has 32 bits of an id, a snapshot all of them."""
    epoch = 1 << 32
    last = epoch - 1
    assert hidden(f"{epoch - 3}:{epoch + 2}:{last},{epoch + 1}", [last - 1, last, 0, 1, 2]) == [last, 1, 2]


def test_all_that_runs_is_what_is_listed_and_what_is_youngest() -> None:
    """Ids from a snapshot's end on are in no list; the age of the first id of all tells how far they go."""
    assert in_progress("10:20:12,15", 17) == [12, 15]
    assert in_progress("10:20:12,15", 19) == [12, 15, 20, 21]
    epoch = 1 << 32
    assert in_progress(f"{epoch - 2}:{epoch + 3}:{epoch - 1}", 2) == [epoch - 1, 3, 4]


def unseen_but(visible: set[int], asked: list[list[int]]) -> Unseen:
    def unseen(xids: Sequence[int]) -> list[int]:
        asked.append(list(xids))
        return [xid for xid in xids if xid not in visible]

    return unseen


def test_only_what_is_new_and_not_held_by_the_target_is_asked_for() -> None:
    """A batch of rows that are read again costs one question."""
    received = Received()
    asked: list[list[int]] = []
    received.begun.extend([(100, 1), (200, 2), (300, 3)])
    received.forget(250)
    for _ in range(2):
        received.settle(unseen_but({3}, asked), lambda: False)
    assert asked == [[3]]


def test_what_was_not_seen_is_asked_for_again() -> None:
    """Giving up forgets nothing."""
    received = Received()
    asked: list[list[int]] = []
    received.begun.extend([(100, 1), (200, 2)])
    with pytest.raises(NotYetVisible):
        received.settle(unseen_but({1}, asked), lambda: True)
    received.settle(unseen_but({1, 2}, asked), lambda: True)
    assert asked == [[1, 2], [2]]


def test_a_watch_waits_for_all_that_was_received_and_at_first_for_all_that_runs() -> None:
    """Held by the target or not, read again or not; a session knows nothing of those before it."""
    received = Received()
    asked: list[list[int]] = []
    received.begun.extend([(100, 1), (200, 2), (300, 3)])
    received.forget(150)
    with pytest.raises(NotYetVisible):
        received.settle_all(unseen_but({1, 2, 3}, asked), lambda: [7], lambda: True)
    assert asked == [[1, 2, 3, 7]]
    received.settle_all(unseen_but({1, 2, 3, 7}, asked), lambda: [8], lambda: True)
    assert asked[1:] == [[7, 2, 3]]
    received.begun.append((400, 4))
    received.forget(500)
    received.settle_all(unseen_but({2, 3, 4}, asked), lambda: [9], lambda: True)
    assert asked[2:] == [[2, 3, 4]]


def test_a_watch_waits_for_all_that_runs_once_too_many_are_held() -> None:
    """Memory is bounded; beyond it nobody knows which they were."""
    received = Received()
    asked: list[list[int]] = []
    received.settle_all(unseen_but(set(), asked), list, lambda: True)
    received.begun.extend((at, 5) for at in range(KEPT + 1))
    received.forget(KEPT + 1)
    received.settle_all(unseen_but({5, 6}, asked), lambda: [6], lambda: True)
    assert asked == [[5] * KEPT + [6]]
