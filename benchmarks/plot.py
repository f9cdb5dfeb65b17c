"""The plots of docs/performance.md as SVG. Needs matplotlib, of the optional dependencies `bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot
from matplotlib.axes import Axes

Summary = dict[str, Any]

_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "cdc-agent",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
_WITHOUT_DATE: Final = {"Date": None}


def draw(summary: Summary, folder: Path) -> list[Path]:
    """Draw what was measured; the files written. The same summary gives the same bytes."""
    plots: dict[str, tuple[str, Callable[[Axes, dict[str, Any]], None]]] = {
        "throughput": ("throughput", _bars),
        "transaction-size": ("transaction-size", _by_size),
        "latency": ("latency", _by_rate),
    }
    written = []
    for name, (figure, fill) in plots.items():
        if figure not in summary:
            continue
        with mpl.rc_context(_STYLE):
            canvas, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
            fill(axes, summary[figure]["cases"])
            file = folder / f"performance-{name}.svg"
            canvas.savefig(file, metadata=_WITHOUT_DATE)
            pyplot.close(canvas)
        written.append(file)
    return written


def _bars(axes: Axes, cases: dict[str, Any]) -> None:
    (case,) = cases.values()
    names = sorted(case, key=lambda name: case[name]["median"]["rate"])
    medians = [case[name]["median"]["rate"] for name in names]
    spreads = [case[name]["spread"]["rate"] for name in names]
    errors = [
        [middle - least for middle, (least, _) in zip(medians, spreads, strict=True)],
        [most - middle for middle, (_, most) in zip(medians, spreads, strict=True)],
    ]
    colours = ["tab:blue" if " → " in name else "tab:gray" for name in names]
    axes.barh(names, medians, xerr=errors, color=colours, error_kw={"linewidth": 1})
    axes.set_xlabel("rows a second; 10 columns, 10-row transactions; lines: least to most")


def _by_size(axes: Axes, cases: dict[str, Any]) -> None:
    _lines(axes, cases, "rate")
    axes.set_yscale("log")
    axes.set_xlabel("rows in a transaction")
    axes.set_ylabel("rows a second")


def _by_rate(axes: Axes, cases: dict[str, Any]) -> None:
    _lines(axes, cases, "p99")
    axes.set_yscale("log")
    axes.set_xlabel("one-row transactions a second")
    axes.set_ylabel("ms from commit to visible, 99th percentile")


def _lines(axes: Axes, cases: dict[str, Any], value: str) -> None:
    for name in dict.fromkeys(name for case in cases.values() for name in case):
        places = [int(case) for case in cases if name in cases[case]]
        values = [cases[str(place)][name]["median"][value] for place in places]
        axes.plot(places, values, marker="o", markersize=3, linestyle="-" if " → " in name else "--", label=name)
    axes.set_xscale("log")
    axes.set_xticks([int(case) for case in cases], labels=[f"{int(case):,}" for case in cases])
    axes.minorticks_off()
    axes.legend(fontsize=7)
