"""What PostgreSQL's snapshots hide, and which received transactions are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cdc_agent.engines.postgres.visible import hidden
from cdc_agent.errors import NotYetVisible
from cdc_agent.sources.postgres.received import Received, Unseen


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
