"""The measured part of docs/performance.md: tables between its `begin` and `end` comments. The prose is written by hand.

In: the summary (see `measured`). Out: Markdown, one section for each figure, and the plots beside the document.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import goals
from benchmarks.peers import debezium, native, rows

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
NOT_MEASURED: Final = "*Not measured.*"

Summary = dict[str, Any]


def write(summary: Summary, document: Path = DOCUMENT) -> None:
    """Fill in every section of the document, and draw the plots."""
    from benchmarks import plot

    document.write_text(filled(document.read_text(), summary))
    plot.draw(summary, document.parent)


def filled(text: str, summary: Summary) -> str:
    """The document with its sections made anew; everything outside of them as it was."""

    def replace(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- begin {name} -->\n{section(name, summary)}\n<!-- end {name} -->"

    return re.sub(r"<!-- begin (?P<name>[\w-]+) -->\n.*?<!-- end (?P=name) -->", replace, text, flags=re.DOTALL)


def section(name: str, summary: Summary) -> str:
    """One section's Markdown. Raises KeyError for a name that there is no section for."""
    make, needs = _SECTIONS[name]
    return make(summary) if needs is None or needs in summary else NOT_MEASURED


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rule = ["---", *("---:" for _ in headings[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in [headings, rule, *lines])


def number(value: float | None) -> str:
    """Three significant digits; empty for what was not measured."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def _about(summary: Summary) -> str:
    if not summary:
        return NOT_MEASURED
    lines = []
    for name, figure in sorted(summary.items()):
        machine = figure["machine"]
        rounds = max(of["rounds"] for case in figure["cases"].values() for of in case.values())
        note = ", quick" if figure["quick"] else ""
        cells = [name, f"{figure['rows']:,}", str(rounds) + note, ", ".join(figure["servers"])]
        lines.append([*cells, f"{machine['cores']} cores, {machine['memory_gib']} GiB, Python {machine['python']}"])
    return table(["figure", "rows", "rounds", "servers", "machine"], lines)


def _goals(summary: Summary) -> str:
    lines = [
        [
            goal.text,
            f"{'at least' if goal.at_least else 'at most'} {goal.bound:g}",
            "not measured" if goal.value is None else number(goal.value),
            "" if goal.reached is None else ("reached" if goal.reached else "**missed**"),
        ]
        for goal in goals.goals(summary)
    ]
    return table(["figure", "wanted", "measured", ""], lines)


def _throughput(summary: Summary) -> str:
    (case,) = summary["throughput"]["cases"].values()
    headings = ["what", "rows/s", "least–most", "× native", "× Debezium", "× pymysqlreplication", "× merge by 1,000"]
    headings += ["rows in a commit", "peak MiB", "agent CPU s", "servers CPU s"]
    lines = []
    for name, of in case.items():
        median, spread, against = of["median"], of["spread"]["rate"], of["against"]
        peers = [native.NAME, _debezium_of(name), rows.NAME, _merge_of(name, against)]
        if " → " not in name:
            peers = [native.NAME, "", "", ""]
        ratios = [number(against.get(peer, {}).get("rate")) for peer in peers]
        if _reads_postgres(name):
            ratios[2] = ""
        cells = [name, number(median["rate"]), f"{number(spread[0])}–{number(spread[1])}", *ratios]
        wanted = ("rows_per_commit", "peak_mib", "agent_cpu", "server_cpu")
        lines.append([*cells, *(number(median.get(value)) for value in wanted)])
    return table(headings, lines)


def _reads_postgres(name: str) -> bool:
    return name.startswith("PostgreSQL →")


def _debezium_of(name: str) -> str:
    return debezium.NAMES["postgresql" if _reads_postgres(name) else "mysql"]


def _merge_of(name: str, against: Sequence[str]) -> str:
    target = name.rpartition(" → ")[2]
    return next((peer for peer in against if peer.endswith(f"merge into {target}, batches of 1,000")), "")


def _pivot(figure: str, value: str, heading: str = "what") -> Callable[[Summary], str]:
    """Contenders down, cases across."""

    def make(summary: Summary) -> str:
        cases = summary[figure]["cases"]
        names = list(
            dict.fromkeys(name for case in cases.values() for name, of in case.items() if value in of["median"])
        )
        lines = [
            [name, *(number(case.get(name, {}).get("median", {}).get(value)) for case in cases.values())]
            for name in names
        ]
        return table([heading, *(f"{int(case):,}" if case.isdigit() else case for case in cases)], lines)

    return make


def _listing(figure: str, columns: dict[str, str]) -> Callable[[Summary], str]:
    """One line for each contender in each case; `columns` are headings by value."""

    def make(summary: Summary) -> str:
        lines = [
            [name, case, *(number(of["median"].get(value)) for value in columns)]
            for case, contenders in summary[figure]["cases"].items()
            for name, of in contenders.items()
        ]
        return table(["what", "", *columns.values()], lines)

    return make


def _mapping(summary: Summary) -> str:
    (case,) = summary["mapping"]["cases"].values()
    lines = []
    for name, of in case.items():
        plain = name.removesuffix(goals.MAPPED)
        if name != plain:
            share = of["against"][plain]["rate"]
            cells = [number(case[plain]["median"]["rate"]), number(of["median"]["rate"]), f"{(1 - share) * 100:.0f} %"]
            lines.append([plain, *cells])
    return table(["what", "rows/s as they are", "rows/s with five expressions", "cost"], lines)


_LATENCY: Final = {"reached": "reached/s", "median": "median ms", "p95": "p95 ms", "p99": "p99 ms", "worst": "worst ms"}
_RECOVERY: Final = {"first_seconds": "seconds to the first commit", "current_seconds": "seconds until current"}
_SCALE: Final = {
    "start_seconds": "seconds to start",
    "peak_mib": "peak MiB",
    "idle_cores": "cores when idle",
    "median": "median ms",
    "p99": "p99 ms",
}
_TWO_WAY: Final = {
    "rate": "transactions/s a side",
    "worst": "worst ms",
    "agent_cores": "cores of the agent",
    "peak_mib": "peak MiB",
}
_STAGES: Final = {
    "read": "receive, assemble",
    "map": "decode, map",
    "apply": "batch, encode, send",
    "cpu": "all three",
    "server": "waiting for the target",
}
_LARGE: Final = {"rate": "rows/s", "seconds": "seconds", "peak_mib": "peak MiB"}

_SECTIONS: Final[dict[str, tuple[Callable[[Summary], str], str | None]]] = {
    "about": (_about, None),
    "goals": (_goals, None),
    "throughput": (_throughput, "throughput"),
    "transaction-size": (_pivot("transaction-size", "rate"), "transaction-size"),
    "memory": (_pivot("transaction-size", "peak_mib"), "transaction-size"),
    "columns": (_pivot("columns", "rate"), "columns"),
    "width": (_pivot("width", "rate"), "width"),
    "operations": (_pivot("operations", "rate"), "operations"),
    "mapping": (_mapping, "mapping"),
    "latency": (_listing("latency", _LATENCY), "latency"),
    "stages": (_listing("stages", _STAGES), "stages"),
    "recovery": (_listing("recovery", _RECOVERY), "recovery"),
    "scale": (_listing("scale", _SCALE), "scale"),
    "two-way": (_listing("two-way", _TWO_WAY), "two-way"),
    "large-backlog": (_listing("large-backlog", _LARGE), "large-backlog"),
}
