"""Figures over a backlog: throughput and what it depends on, the cost of mapping, ten million rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from benchmarks import rounds
from benchmarks.contender import AgentContender, title
from benchmarks.measured import Sample
from benchmarks.peers import debezium
from benchmarks.peers.debezium import Debezium
from benchmarks.peers.merge import Merge, name_of
from benchmarks.peers.native import Native
from benchmarks.peers.rows import Rows
from benchmarks.rounds import Contender
from benchmarks.servers import ENGINES, Engine, Rig
from benchmarks.workload import Shape

Say: TypeAlias = "Callable[[str], None]"
MERGE_BATCHES: Final = (1_000, 10_000)
MAX_BYTES: Final = 200_000_000
"""A backlog of wide rows has fewer of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of a figure is measured."""

    rows: int
    repeat: int
    only: tuple[str, ...] = ()
    """Pairings such as `postgresql-mysql`; empty for all."""

    def pairings(self) -> list[tuple[Engine, Engine]]:
        return [(s, t) for s in ENGINES for t in ENGINES if not self.only or f"{s}-{t}" in self.only]


def throughput(rig: Rig, plan: Plan, say: Say) -> Iterator[list[Sample]]:
    """The base shape with every peer."""
    sources = {source for source, _ in plan.pairings()}
    targets = {target for _, target in plan.pairings()}
    contenders = _agents(rig, plan) + _readers(rig, plan, say)
    contenders += [Rows()] if "mysql" in sources else []
    contenders += [Merge(name_of(rig, t, batch), t, batch) for t in ENGINES if t in targets for batch in MERGE_BATCHES]
    yield from _play(rig, "throughput", {"10 columns, 10 rows": Shape(plan.rows)}, contenders, plan, say)


def transaction_size(rig: Rig, plan: Plan, sizes: Sequence[int], say: Say) -> Iterator[list[Sample]]:
    """Rows a second against rows in a transaction; at one row that is transactions a second."""
    cases = {str(size): Shape(max(plan.rows, 2 * size if size > 1000 else 0), size) for size in sizes}
    yield from _play(rig, "transaction-size", cases, _agents(rig, plan) + _readers(rig, plan, say), plan, say)


def columns(rig: Rig, plan: Plan, counts: Sequence[int], say: Say) -> Iterator[list[Sample]]:
    """Rows a second against columns, of mixed types."""
    cases = {str(count): Shape(plan.rows * 10 // max(10, count), columns=count) for count in counts}
    yield from _play(rig, "columns", cases, _agents(rig, plan) + _readers(rig, plan, say), plan, say)


def width(rig: Rig, plan: Plan, widths: Sequence[int], say: Say) -> Iterator[list[Sample]]:
    """Rows a second against the width of one text column (bytes)."""
    cases = {str(wide): Shape(min(plan.rows, max(20, MAX_BYTES // wide)), width=wide) for wide in widths}
    yield from _play(rig, "width", cases, _agents(rig, plan) + _readers(rig, plan, say), plan, say)


def operations(rig: Rig, plan: Plan, say: Say) -> Iterator[list[Sample]]:
    """Rows a second by what is done to them."""
    base = Shape(plan.rows)
    cases = {name: replace(base, operation=name) for name in ("insert", "update", "delete", "mixed")}
    yield from _play(rig, "operations", cases, _agents(rig, plan) + _readers(rig, plan, say), plan, say)


def mapping(rig: Rig, plan: Plan, say: Say) -> Iterator[list[Sample]]:
    """Five expressions on ten columns against none, on the same backlog."""
    plain = _agents(rig, plan)
    mapped = [AgentContender(f"{title(rig, s, t)}, five expressions", s, t, mapped=True) for s, t in plan.pairings()]
    both = [one for pair in zip(plain, mapped, strict=True) for one in pair]
    yield from _play(rig, "mapping", {"10 columns, 10 rows": Shape(plan.rows)}, both, plan, say)


def large_backlog(rig: Rig, plan: Plan, say: Say) -> Iterator[list[Sample]]:
    """A long backlog, and one of a single transaction: does rate or memory change with length?"""
    cases = {f"{plan.rows:,} rows": Shape(plan.rows)}
    yield from _play(rig, "large-backlog", cases, _agents(rig, plan), plan, say)


def _agents(rig: Rig, plan: Plan) -> list[Contender]:
    return [AgentContender(title(rig, s, t), s, t) for s, t in plan.pairings()]


def _readers(rig: Rig, plan: Plan, say: Say) -> list[Contender]:
    """Native replication and Debezium, where they can be."""
    sources = {source for source, _ in plan.pairings()}
    found: list[Contender] = [Native()] if "postgresql" in sources else []
    for engine in ENGINES:
        if engine not in sources:
            continue
        why = debezium.missing(rig, engine)
        if why is None:
            found.append(Debezium(engine))
        else:
            say(f"not measured: {debezium.NAMES[engine]}: {why}")
    return found


def _play(
    rig: Rig, figure: str, cases: Mapping[str, Shape], contenders: Sequence[Contender], plan: Plan, say: Say
) -> Iterator[list[Sample]]:
    """Every case once, then every case again: what changes with time meets all of them."""
    for number in range(plan.repeat):
        for case, shape in cases.items():
            say(f"{figure}, {case}, round {number + 1} of {plan.repeat}")
            yield rounds.play(rig, shape, contenders, figure=figure, case=case, number=number)
