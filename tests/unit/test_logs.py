"""What log lines never hold, and that they are JSON for machines."""

from __future__ import annotations

import json

import pytest
import structlog

from cdc_agent.model.status import State, Status
from cdc_agent.observe import logs, tables

CANARY = "canary-5ecret"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal each event is one JSON object with time and level; standard output stays clean."""
    logs.configure()
    structlog.get_logger("x").info("pipeline_streams", pipeline="p", position="lsn:0/1")
    captured = capsys.readouterr()
    event = json.loads(captured.err)
    assert (event["event"], event["level"], event["pipeline"]) == ("pipeline_streams", "info", "p")
    assert event["time"].endswith("Z")
    assert captured.out == ""


def test_levels_are_filtered(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the level nothing is written."""
    logs.configure(json_lines=True, level="warning")
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_secrets_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """Passwords in URLs, and fields that name a secret, never reach a line."""
    logs.configure(json_lines=True)
    structlog.get_logger("x").warning(
        "cannot_connect", url=f"mysql://u:{CANARY}@h/db", password=CANARY, error=f"postgresql://u:{CANARY}@h: refused"
    )
    text = capsys.readouterr().err
    assert CANARY not in text
    assert "mysql://u:***@h/db" in text


def test_an_exception_is_its_type_and_frames(capsys: pytest.CaptureFixture[str]) -> None:
    """A driver's message may quote a row, so that only the exception's type and frames are shown."""
    logs.configure(json_lines=True)
    try:
        raise ValueError(f"Duplicate entry '{CANARY}' for key")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    text = capsys.readouterr().err
    assert CANARY not in text
    event = json.loads(text)
    assert event["exception"] == "ValueError"
    assert event["frames"][0].endswith("test_an_exception_is_its_type_and_frames")


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 1024**4, "3.0 TiB")]
)
def test_sizes_for_people(value: int | None, shown: str) -> None:
    """Bytes are shown with a unit that a person can read."""
    assert tables.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.04, "0.0 s"), (119.94, "119.9 s"), (180, "3 min"), (9000, "2.5 h")]
)
def test_ages_for_people(value: float | None, shown: str) -> None:
    """Seconds become minutes and hours when there are many."""
    assert tables.seconds(value) == shown


def test_a_status_table_shows_every_pipeline_and_its_error() -> None:
    """A line for each pipeline, and the error that it waits on below it."""
    fine = Status("there", "one", "other", State.STREAMING, transactions=1234567)
    waiting = Status("back", "other", "one", State.RETRYING, last_error="TG001: cannot connect")
    table = tables.running([fine, waiting])
    assert table.row_count == 3
    cells = [str(cell) for column in table.columns for cell in column.cells]
    assert "1,234,567" in cells
    assert "  TG001: cannot connect" in cells
