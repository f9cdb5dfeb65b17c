"""What a figure yields: samples, kept as JSON with the machine that they come from.

`results/<figure>.json` holds every sample of the last run; `results/summary.json`, which the documentation is made
from, the medians and the medians of the ratios within each round.
"""

from __future__ import annotations

import dataclasses
import json
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

RESULTS: Final = Path(__file__).parent / "results"
SUMMARY: Final = RESULTS / "summary.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one contender did in one round."""

    figure: str
    case: str
    """Which of the figure's cases, such as a transaction's size."""
    contender: str
    round: int
    values: Mapping[str, float]


def ratio(samples: Iterable[Sample], contender: str, against: str, value: str) -> float | None:
    """Median over the rounds of `contender`'s value divided by `against`'s of the same round; None without a pair."""
    paired: dict[int, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        if value in sample.values:
            paired[sample.round][sample.contender] = sample.values[value]
    ratios = [of[contender] / of[against] for of in paired.values() if contender in of and of.get(against)]
    return median(ratios) if ratios else None


def summarise(samples: Sequence[Sample]) -> dict[str, Any]:
    """`{case: {contender: {"median": {value: …}, "spread": {value: [least, most]}, "against": {peer: {value: …}}}}}`."""
    cases: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        cases[sample.case].append(sample)
    return {case: _summarise_case(of) for case, of in cases.items()}


def _summarise_case(samples: Sequence[Sample]) -> dict[str, Any]:
    contenders = list(dict.fromkeys(sample.contender for sample in samples))
    return {contender: _summarise_contender(samples, contender, contenders) for contender in contenders}


def _summarise_contender(samples: Sequence[Sample], contender: str, peers: Sequence[str]) -> dict[str, Any]:
    values: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        if sample.contender == contender:
            for name, value in sample.values.items():
                values[name].append(value)
    against = {
        peer: {name: found for name in values if (found := ratio(samples, contender, peer, name)) is not None}
        for peer in peers
        if peer != contender
    }
    return {
        "rounds": max(len(of) for of in values.values()),
        "median": {name: median(of) for name, of in values.items()},
        "spread": {name: [min(of), max(of)] for name, of in values.items()},
        "against": against,
    }


def keep(figure: str, samples: Sequence[Sample], settings: Mapping[str, Any], folder: Path = RESULTS) -> None:
    """Write the raw samples, and the figure's part of the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), **settings}
    raw = {**about, "samples": [dataclasses.asdict(sample) for sample in samples]}
    (folder / f"{figure}.json").write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n")
    summary = load_summary(folder)
    summary[figure] = _rounded({**about, "cases": summarise(samples)})
    text = json.dumps(dict(sorted(summary.items())), indent=1, ensure_ascii=False)
    (folder / SUMMARY.name).write_text(text + "\n")


def load_summary(folder: Path = RESULTS) -> dict[str, Any]:
    """The figures measured so far, by name."""
    file = folder / SUMMARY.name
    return dict(json.loads(file.read_text())) if file.exists() else {}


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _rounded(value: Any) -> Any:
    """Four significant digits, so that the summary's differences can be read."""
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list():
            return [_rounded(item) for item in value]
        case _:
            return value
