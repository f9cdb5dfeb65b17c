"""The marker: read back what was written, refuse what no agent wrote, stop every circle."""

from __future__ import annotations

import pytest

from cdc_agent.model import echo


def row(**changes: str) -> dict[str, bytes | None]:
    fields = {
        "pipeline": "a-to-b",
        "generation": "3",
        "transactions": "17",
        "position": "lsn:0/10",
        "path": echo.path_text(("a",)),
    }
    fields["mark"] = echo.mark("a-to-b", 3, 17, "lsn:0/10", fields["path"])
    return {name: value.encode() for name, value in {**fields, **changes}.items()}


def test_a_written_marker_is_read_back() -> None:
    """What an agent writes is recognised, with its path."""
    assert echo.read_marker(row()) == echo.Marker("a-to-b", ("a",))


@pytest.mark.parametrize("column", ["generation", "transactions", "position", "path"])
def test_a_row_that_somebody_else_changed_is_no_marker(column: str) -> None:
    """A person's UPDATE of the checkpoint row does not make their transaction an echo."""
    changed = {"generation": "4", "transactions": "18", "position": "lsn:0/11", "path": '["b"]'}[column]
    assert echo.read_marker(row(**{column: changed})) is None


def test_a_row_with_a_null_is_no_marker() -> None:
    """NULL where an agent writes a value is not an agent's work."""
    assert echo.read_marker({**row(), "mark": None}) is None


def test_a_star_forwards_and_stops() -> None:
    """A–hub–C: a change from A reaches C, is not returned to A, and C does not send it back to the hub."""
    on_hub = echo.extend((), "a")
    assert echo.returns(on_hub, "a")
    assert not echo.returns(on_hub, "c")
    on_c = echo.extend(on_hub, "hub")
    assert echo.returns(on_c, "hub")
    assert on_c == ("a", "hub")
