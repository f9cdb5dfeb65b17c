"""Which tests a run takes, and which of them come first: pure, from the collected tests.

`CDC_TEST_QUICK=1` (`make test-quick`) takes every test that needs no server, one case of each scenario, and one case of
each test of the contracts that the steps keep.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import pytest

QUICK: Final = os.environ.get("CDC_TEST_QUICK", "") not in ("", "0")

_WHOLE: Final = ("unit", "properties")
_ONCE: Final = (
    "test_source",
    "test_target",
    "test_mysql_target",
    "test_postgres_target",
    "test_status",
    "test_stops",
    "test_setup",
    "test_scenarios",
)
_LONG: Final = ("test_benchmarks", "test_configs")


def quick(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """What a quick run takes, and what it leaves out."""
    kept: dict[object, pytest.Item] = {}
    for item in sorted(items, key=lambda item: item.nodeid):
        if any(folder in item.path.parts for folder in _WHOLE):
            kept[item] = item
        elif item.path.stem in _ONCE:
            kept.setdefault(_what(item), item)
    chosen = set(kept.values())
    return [item for item in items if item in chosen], [item for item in items if item not in chosen]


def is_short(item: pytest.Item) -> bool:
    """Whether it need not start early in a parallel run."""
    return "faults" not in item.path.parts and item.path.stem not in _LONG


def _what(item: pytest.Item) -> object:
    """What a test is about, apart from its servers."""
    name, _, case = item.nodeid.partition("[")
    return (name, case.partition("-")[0]) if item.path.stem == "test_scenarios" else name
