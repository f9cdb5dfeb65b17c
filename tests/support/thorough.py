"""How much of a property is looked at: enough to notice a mistake in every run, a great deal more when asked to."""

from __future__ import annotations

import os
from typing import Final

FACTOR: Final = int(os.environ.get("CDC_TEST_THOROUGH", "1"))


def examples(count: int) -> int:
    """So many examples; with CDC_TEST_THOROUGH=100 a hundred times as many."""
    return count * FACTOR
