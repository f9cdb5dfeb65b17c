"""Which servers a test run used and lacked, gathered from all of its processes for the last lines of its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from tests.support import servers

Part: TypeAlias = dict[str, list[list[str]]]
"""What one process tells of its servers, in the plain values that pytest-xdist carries."""


def here() -> Part:
    """What this process has used and lacked."""
    if not servers.was_asked():
        return {}
    used = [[str(one.spec), one.exact_version, one.spec.provider] for one in servers.used()]
    return {"used": used, "missing": [[complaint] for complaint in servers.selection().missing]}


@dataclass
class Report:
    """The parts of all processes; each line once."""

    used: dict[tuple[str, ...], None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Take in what one process tells."""
        self.used |= dict.fromkeys(tuple(line) for line in part.get("used", []))
        self.missing |= dict.fromkeys(complaint for (complaint,) in part.get("missing", []))

    def lines(self) -> list[str]:
        """A line for each server, by name."""
        return [f"{spec:15} {version} ({provider})" for spec, version, provider in sorted(self.used)]

    def complaints(self) -> list[str]:
        """A line for each server that the run should have used and could not."""
        return [f"MISSING  {complaint}" for complaint in self.missing]
