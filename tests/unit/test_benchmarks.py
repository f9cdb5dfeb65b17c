"""The benchmarks' arithmetic and their report; nothing is measured here."""

from __future__ import annotations

import json

import pytest

from benchmarks import clock, goals, measured, report
from benchmarks.figures import two_way
from benchmarks.measured import Sample
from benchmarks.workload import Shape

AGENT, PEER = "PostgreSQL → PostgreSQL", "PostgreSQL's own replication"


def _samples(figure="throughput", case=goals.BASE, value="rate"):
    pairs = [(100.0, 200.0), (300.0, 400.0), (90.0, 900.0)]
    return [
        Sample(figure, case, who, number, {value: figure_of})
        for number, pair in enumerate(pairs)
        for who, figure_of in zip((AGENT, PEER), pair, strict=True)
    ]


def test_ratio_is_the_median_within_rounds():
    """A ratio compares what ran in the same round; the ratio of the medians would be another."""
    assert measured.ratio(_samples(), AGENT, PEER, "rate") == 0.5
    assert measured.summarise(_samples())[goals.BASE][AGENT]["median"]["rate"] == 100.0


def test_ratio_needs_a_pair():
    """Where one of the two is missing in every round, there is no ratio."""
    alone = [sample for sample in _samples() if sample.contender == AGENT]
    assert measured.ratio(alone, AGENT, PEER, "rate") is None


def test_ratio_leaves_out_rounds_without_the_peer():
    """A round in which the peer is missing does not count."""
    some = [sample for sample in _samples() if (sample.contender, sample.round) != (PEER, 2)]
    assert measured.ratio(some, AGENT, PEER, "rate") == pytest.approx(0.625)


def test_results_keep_other_figures(tmp_path):
    """Measuring one figure again leaves the others in the summary, and every sample is in the raw file."""
    settings = {"rows": 10, "servers": ["PostgreSQL 18.0", "MySQL 9.7.0"], "quick": False}
    measured.keep("throughput", _samples(), settings, tmp_path)
    measured.keep("latency", _samples("latency", "500", "p99"), settings, tmp_path)
    summary = measured.load_summary(tmp_path)
    assert list(summary) == ["latency", "throughput"]
    assert summary["throughput"]["cases"][goals.BASE][AGENT]["spread"]["rate"] == [90.0, 300.0]
    assert len(json.loads((tmp_path / "throughput.json").read_text())["samples"]) == 6


def test_goals_say_reached_missed_or_not_measured(tmp_path):
    """A goal is reached or missed by its paired ratio, and is said not to be measured where it was not."""
    settings = {"rows": 10, "servers": ["PostgreSQL 18.0", "MariaDB 10.11.1"], "quick": False}
    measured.keep("throughput", _samples(), settings, tmp_path)
    measured.keep("latency", _samples("latency", "500", "p99"), settings, tmp_path)
    found = goals.goals(measured.load_summary(tmp_path))
    assert [goal.reached for goal in found[:2]] == [True, None]
    assert next(goal for goal in found if "against PostgreSQL's own" in goal.text and "p99" in goal.text).reached
    assert "MariaDB → PostgreSQL" in found[2].text


def test_report_replaces_only_its_sections(tmp_path):
    """What stands between a section's comments is made anew; the prose around it stays as it is."""
    measured.keep("throughput", _samples(), {"rows": 10, "servers": ["A 1", "B 2"], "quick": False}, tmp_path)
    text = "Prose.\n<!-- begin throughput -->\nold\n<!-- end throughput -->\nMore.\n<!-- begin width -->\n<!-- end width -->\n"
    made = report.filled(text, measured.load_summary(tmp_path))
    assert made.startswith("Prose.\n<!-- begin throughput -->\n| what |")
    assert "old" not in made
    assert f"<!-- end throughput -->\nMore.\n<!-- begin width -->\n{report.NOT_MEASURED}\n<!-- end width -->\n" in made
    assert report.filled(made, measured.load_summary(tmp_path)) == made


def test_every_section_of_the_document_can_be_made():
    """The document names only sections that exist, and all that exist."""
    made = report.filled(report.DOCUMENT.read_text(), {})
    assert all(f"<!-- begin {name} -->" in made for name in report._SECTIONS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0.0, "0"), (123456.0, "123,000"), (0.0312345, "0.0312"), (1.0, "1.00"), (99.96, "100.0")],
)
def test_numbers_have_three_digits(value, text):
    """Figures are not shown with more digits than they are good for."""
    assert report.number(value) == text


def test_clock_counts_from_the_commit_that_completes_the_warm_up():
    """Changes of that commit beyond the warm-up are not counted, since their work was before the clock's start."""
    shape = Shape(rows=100, rows_each=10)
    seen = iter([0, 5, 40, 80, shape.everything])
    span = clock.watch(lambda: next(seen), shape, meters=lambda: (1.0,))
    assert span.changes == shape.everything - 40
    assert span.spent == (0.0,)


def test_clock_counts_everything_when_it_came_at_once():
    """One commit with the whole backlog counts whole."""
    shape = Shape(rows=100, rows_each=10)
    seen = iter([0, shape.everything])
    assert clock.watch(lambda: next(seen), shape, meters=tuple).changes == shape.everything


@pytest.mark.parametrize("rows_each", [1, 10, 1000])
def test_shapes_add_up(rows_each):
    """A backlog is its warm-up, its measured part and two marks, in whole transactions."""
    shape = Shape(rows=5_000, rows_each=rows_each)
    assert shape.changes == 5_000
    assert shape.everything == shape.warm * rows_each + 5_000 + 2


@pytest.mark.parametrize("most", [150, 200, 640, 1999])
def test_the_highest_rate_is_found_by_halving(most):
    """What is found passes, and is within a tenth of the highest that does; nothing is found where nothing passes."""
    found = two_way.highest(lambda rate: rate <= most, first=200)
    assert (found == 0) if most < 200 else (0.9 * most < found <= most)


def test_the_worst_wait_is_that_of_the_second_half():
    """The start does not count; a row that never came waited for ever."""
    committed = [0.0, 1.0, 2.0, 3.0]
    assert two_way.worst_wait(committed, [(0.5, 0), (1.9, 2), (2.5, 3), (3.25, 4)]) == 0.5
    assert two_way.worst_wait(committed, [(0.5, 0), (9.9, 2), (10.0, 3)]) == float("inf")
