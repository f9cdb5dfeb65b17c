"""How long a reader lets the log gather that holds nothing of its own."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from cdc_agent.sources.mysql.sharing import Readers


@pytest.mark.parametrize(
    ("count", "pause"), [(0, 0), (1, 0), (4, 0), (5, 0.0005), (24, 0.01), (104, 0.05), (500, 0.05)]
)
def test_a_reader_pauses_by_how_many_there_are(count: int, pause: float) -> None:
    """Nothing for a few, 0.5 ms for each further one, 50 ms at most; those that ended do not count."""
    readers = Readers("test")
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(readers)
        assert readers.pause == pytest.approx(pause)
    assert readers.pause == 0
