"""The step between mapping and applying: the writes of a batch become set-based steps.

In: runs of writes in source order, each bound to one target table, with truncates between them. Out: `Step`s whose
effect on the target is the same as that of the writes one by one. Within one table only the last state of a key
matters, so that a batch costs one merge for each table, however often its rows changed.

What keeps the source's order instead: moved keys, tables without a key, two routes into one target table, and every
batch that the target refused when it came as sets (`in_order`), since sets may swap two values of a unique key or
meet a foreign key too early.

Where the log does not hold what foreign keys did to children (`Binding.links`), a `Cascade` takes its place.

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from cdc_agent.model.steps import Cascade, Clear, Ordered, Removes, Step, Updates, Upserts
from cdc_agent.model.tables import parents_first
from cdc_agent.model.values import UNSENT, Row
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Write, Writes, join

Segment: TypeAlias = "Writes | Clear"
"""A batch is a list of these in the source's order."""


class _Net:
    """The net effect of one table's writes since the last barrier; every key is in at most one of the three maps,
    but for a key that was removed and made anew, which is in `removed` and `full`.
    """

    __slots__ = ("binding", "fresh", "full", "loose", "partial", "removed")

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.full: dict[Row, Row] = {}
        self.partial: dict[Row, Row] = {}
        self.removed: dict[Row, None] = {}
        self.loose: list[Write] = []
        """The writes of a table without a key: no row has an identity to collapse by, so every write counts."""
        self.fresh = True

    def add(self, writes: Sequence[Write]) -> Iterator[Write]:
        """Take writes in; yield (and do not take) those whose key moves, each before any later write is taken."""
        full, removed = self.full, self.removed
        picks = self.binding.key
        for write in writes:
            operation, key, row = write
            if operation == UPSERT:
                assert row is not None
                if self.partial:
                    self.partial.pop(key, None)
                full[key] = row
            elif operation == REMOVE:
                full.pop(key, None)
                self.partial.pop(key, None)
                removed[key] = None
            else:
                assert row is not None
                if tuple([row[i] for i in picks]) != key and not _unsent(row, picks):
                    yield write
                else:
                    self._change(key, row)

    def _change(self, key: Row, row: Row) -> None:
        before = self.full.get(key)
        if UNSENT not in row:
            self.full[key] = row
            self.fresh = self.fresh and before is not None
            self.partial.pop(key, None)
        elif before is not None:
            self.full[key] = _overlay(before, row)
        else:
            earlier = self.partial.get(key)
            self.partial[key] = row if earlier is None else _overlay(earlier, row)

    def steps(self) -> Iterator[Step]:
        """Removes first: a row that takes over a unique value must find it free."""
        if self.loose:
            yield Ordered(self.binding, self.loose)
        if self.removed:
            yield Removes(self.binding, list(self.removed))
        if self.full:
            yield Upserts(self.binding, list(self.full.values()), fresh=self.fresh)
        for columns, rows in _by_sent_columns(self.partial, self.binding.key).items():
            yield Updates(self.binding, columns, rows)


def _unsent(row: Row, picks: Sequence[int]) -> bool:
    return any(row[i] is UNSENT for i in picks)


def _overlay(before: Row, after: Row) -> Row:
    return tuple([old if new is UNSENT else new for old, new in zip(before, after, strict=True)])


def _by_sent_columns(partial: dict[Row, Row], picks: Sequence[int]) -> dict[tuple[int, ...], list[Row]]:
    """Group partial rows by which columns are sent; the key's columns are always among them."""
    groups: dict[tuple[int, ...], list[Row]] = {}
    for key, row in partial.items():
        values = list(row)
        for pick, value in zip(picks, key, strict=True):
            values[pick] = value
        columns = tuple([i for i, value in enumerate(values) if value is not UNSENT])
        groups.setdefault(columns, []).append(tuple([values[i] for i in columns]))
    return groups


def steps(segments: Iterable[Segment], *, in_order: bool = False) -> list[Step]:
    """The steps for a batch's segments.

    With `in_order` every run of one table is a step of its own in the source's order, and its writes are `Ordered`.
    """
    merged = list(runs(segments))
    if any(_has_cascades(segment) for segment in merged):
        return [step for segment in merged for step in _around_cascades(segment, in_order)]
    if in_order:
        return [s if isinstance(s, Clear) else Ordered(s.binding, s.rows) for s in merged]
    if _share_a_target(merged):
        return [step for segment in merged for step in _sets([segment])]
    return _sets(merged)


def runs(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Join neighbouring writes of one binding, such as those of consecutive transactions."""
    for _, group in groupby(segments, lambda segment: segment if isinstance(segment, Clear) else segment.binding):
        parts: list[Writes] = []
        for segment in group:
            if isinstance(segment, Clear):
                yield segment
            elif segment.rows:
                parts.append(segment)
        if parts:
            yield join(parts)


# --- cascades


def _has_cascades(segment: Segment) -> bool:
    return (
        not isinstance(segment, Clear)
        and bool(segment.binding.links)
        and any(_reaches_children(segment.binding, write) for write in segment.rows)
    )


def _reaches_children(binding: Binding, write: Write) -> bool:
    return write[0] == REMOVE or _moves(binding, write)


def _moves(binding: Binding, write: Write) -> bool:
    operation, key, row = write
    if operation != CHANGE or row is None or _unsent(row, binding.key):
        return False
    return tuple([row[i] for i in binding.key]) != key


def _around_cascades(segment: Segment, in_order: bool) -> Iterator[Step]:
    """The steps of one run, what happened to the children in its place among them.

    Children go before the rows that they refer to, and follow a key that has moved.
    """
    if isinstance(segment, Clear) or not _has_cascades(segment):
        yield from steps([segment], in_order=in_order)
        return
    binding, done = segment.binding, 0
    for kind, group in groupby(segment.rows, lambda write: _reaches_children(binding, write) and write[0]):
        same = list(group)
        part = segment.part(done, done := done + len(same))
        if kind == REMOVE:
            yield Cascade(binding, [(key, None) for _, key, _ in same])
            yield from [Ordered(binding, same)] if in_order else _sets([part])
        elif kind:
            for write in same:
                yield Ordered(binding, [write])
                yield Cascade(binding, [(write[1], _new_key(binding, write))])
        else:
            yield from steps([part], in_order=in_order)


def _new_key(binding: Binding, write: Write) -> Row:
    row = write[2]
    assert row is not None
    return tuple([row[i] for i in binding.key])


def _share_a_target(segments: Iterable[Segment]) -> bool:
    bindings = {segment.binding for segment in segments if not isinstance(segment, Clear)}
    return len({binding.table.full_name for binding in bindings}) < len(bindings)


def _sets(segments: Iterable[Segment]) -> list[Step]:
    done: list[Step] = []
    nets: dict[Binding, _Net] = {}
    for segment in segments:
        if isinstance(segment, Clear):
            done.extend(_flush(nets))
            done.append(segment)
            continue
        binding, writes = segment.binding, segment.rows
        net = nets.get(binding)
        if net is None:
            net = nets[binding] = _Net(binding)
        if binding.keyless:
            net.loose.extend(writes)
            continue
        moved: list[Write] = []
        for write in net.add(writes):
            done.extend(net.steps())
            nets[binding] = net = _restart(net)
            moved.append(write)
            _append_ordered(done, binding, write)
    done.extend(_flush(nets))
    return done


def _restart(net: _Net) -> _Net:
    """Empty a net in place, since its `add` is still running."""
    net.full.clear()
    net.partial.clear()
    net.removed.clear()
    net.fresh = True
    return net


def _append_ordered(done: list[Step], binding: Binding, write: Write) -> None:
    last = done[-1] if done else None
    if isinstance(last, Ordered) and last.binding is binding:
        done[-1] = Ordered(binding, [*last.writes, write])
    else:
        done.append(Ordered(binding, [write]))


def _flush(nets: dict[Binding, _Net]) -> list[Step]:
    """Parents are written before their children, and removed after them."""
    ordered = parents_first([net.binding.table for net in nets.values()])
    rank = {table.full_name: i for i, table in enumerate(ordered)}
    by_rank = sorted(nets.values(), key=lambda net: rank[net.binding.table.full_name])
    writes: list[Step] = []
    removes: list[Step] = []
    early: list[Step] = []
    for net in by_rank:
        for step in net.steps():
            if isinstance(step, Removes):
                (early if _must_come_first(net) else removes).append(step)
            else:
                writes.append(step)
    nets.clear()
    return [*reversed(early), *writes, *reversed(removes)]


def _must_come_first(net: _Net) -> bool:
    """A removed row may hold a unique value, or the very key, that a written row needs."""
    return bool(net.full or net.partial)
