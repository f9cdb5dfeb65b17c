"""The checks that need no server."""

from __future__ import annotations

import pytest

from cdc_agent.preflight.findings import outdated, skewed


@pytest.mark.parametrize(
    ("flavor", "version", "code"),
    [
        ("postgresql", (13, 22), ["PF002"]),
        ("postgresql", (14, 0), []),
        ("mysql", (5, 7, 44), ["PF002"]),
        ("mysql", (8, 0, 11), []),
        ("mariadb", (10, 4, 34), ["PF002"]),
        ("mariadb", (10, 5, 0), []),
        ("mariadb", (11, 8, 2), []),
    ],
)
def test_old_versions_are_refused(flavor: str, version: tuple[int, ...], code: list[str]) -> None:
    """PostgreSQL 14, MySQL 8.0 and MariaDB 10.5 are the oldest."""
    assert [finding.code for finding in outdated("db", flavor, version)] == code


def test_clocks_may_differ_by_a_second() -> None:
    """More than that is a warning, whichever clock is ahead."""
    assert [finding.code for finding in skewed("p", 0.2, -0.7)] == []
    assert [finding.code for finding in skewed("p", -1.5, 0.0)] == ["PF003"]
    assert [finding.code for finding in skewed("p", 3600.0, 0.0)] == ["PF003"]
