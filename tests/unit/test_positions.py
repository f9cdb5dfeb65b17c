"""Positions of one log compare and subtract themselves."""

from __future__ import annotations

import pytest

from cdc_agent.errors import ForeignCheckpoint
from cdc_agent.model.positions import BinlogPosition, Lsn, Position, parse_position

FILES = {"binlog.000001": 1_000, "binlog.000002": 500, "binlog.000003": 200}


@pytest.mark.parametrize(
    ("position", "goal", "there"),
    [
        (Lsn(10), Lsn(10), True),
        (Lsn(9), Lsn(10), False),
        (BinlogPosition("binlog.000002", 4), BinlogPosition("binlog.000001", 900), True),
        (BinlogPosition("binlog.000009", 900), BinlogPosition("binlog.000010", 4), False),
        (BinlogPosition("binlog.1000000", 4), BinlogPosition("binlog.999999", 4), True),
        (BinlogPosition("binlog.000002", 4, "a:1-7"), BinlogPosition("binlog.000002", 4, "a:1-9"), True),
    ],
)
def test_a_position_knows_whether_a_goal_is_reached(position: Position, goal: Position, there: bool) -> None:
    """By the place in the log; the text of the file's number is no guide."""
    assert position.reached(goal) is there


def test_the_log_between_two_positions_is_told_in_bytes() -> None:
    """Within one log and one file."""
    assert Lsn(1_300).since(Lsn(1_000)) == 300
    assert BinlogPosition("binlog.000001", 900).since(BinlogPosition("binlog.000001", 100)) == 800


def test_the_log_between_two_files_takes_their_sizes() -> None:
    """The rest of the first file, whole files between, and the beginning of the last."""
    end, earlier = BinlogPosition("binlog.000003", 150), BinlogPosition("binlog.000001", 400)
    assert end.since(earlier, FILES) == 600 + 500 + 150
    assert end.since(earlier) is None
    assert end.since(BinlogPosition("binlog.000000", 4), FILES) is None


@pytest.mark.parametrize("one", [Lsn(10), BinlogPosition("binlog.000001", 4)])
def test_positions_of_two_engines_do_not_compare(one: Position) -> None:
    """The error names both; the checkpoint is one of another server."""
    other = parse_position("binlog:binlog.000007:99" if isinstance(one, Lsn) else "lsn:16/B374D848")
    with pytest.raises(ForeignCheckpoint, match=f"two engines.*{one}.*{other}"):
        one.reached(other)
    with pytest.raises(ForeignCheckpoint, match="two engines"):
        one.since(other)
