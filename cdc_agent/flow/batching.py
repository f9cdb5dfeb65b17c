"""The step between mapping and applying: the writes of a batch become set-based steps.

In: runs of writes in source order, each bound to one target table, with truncates between them. Out: `Step`s whose
effect on the target is the same as that of the writes one by one. Within one table only the last state of a key
matters, so that a batch costs one merge for each table, however often its rows changed.

What keeps the source's order instead: moved keys, tables without a key, two routes into one target table, and every
batch that the target refused when it came as sets (`in_order`), since sets may swap two values of a unique key or
meet a foreign key too early.

Where foreign keys act when a row is removed or moved, that write stays where it was among all others: the source's
without a trace in its log (`Binding.links`, which make it a `Cascade`), or the target's own (`TargetTable.acts`).

Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, repeat
from typing import Final, TypeAlias

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
        if self.removed and self.binding.links:
            yield Cascade(self.binding, [(REMOVE, key, None) for key in self.removed])
        elif self.removed:
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
    if in_order:
        return [step for segment in merged for step in _one_by_one(segment)]
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


def _one_by_one(segment: Segment) -> Iterator[Step]:
    if isinstance(segment, Clear):
        yield segment
        return
    for effect, part in _by_effect(segment):
        linked = effect != _NONE and bool(segment.binding.links)
        yield Cascade(segment.binding, part) if linked else Ordered(segment.binding, part)


# --- what foreign keys make of a write

_NONE: Final = 0
"""None acts: other rows stay as they are."""


def _by_effect(segment: Writes) -> Iterator[tuple[int, Sequence[Write]]]:
    """Neighbouring writes by how foreign keys act on them: REMOVE, CHANGE (one at a time) or not at all."""
    binding, before = segment.binding, segment.before
    if not _keys_act(binding):
        yield _NONE, segment.rows
        return
    images = repeat(None, len(segment.rows)) if before is None else before
    effects = [_effect(binding, write, image) for write, image in zip(segment.rows, images, strict=True)]
    done = 0
    for effect, group in groupby(effects):
        count = len(list(group))
        for size in [1] * count if effect == CHANGE else [count]:
            yield effect, segment.rows[done : done + size]
            done += size


def _keys_act(binding: Binding) -> bool:
    """Whether foreign keys act when a row is removed or moved: the source's without a trace, or the target's."""
    return bool(binding.links) or binding.table.acts


def _effect(binding: Binding, write: Write, before: Row | None) -> int:
    operation, key, row = write
    if operation == REMOVE:
        return REMOVE
    return CHANGE if operation == CHANGE and row is not None and _moves(binding, key, row, before) else _NONE


def _moves(binding: Binding, key: Row, row: Row, before: Row | None) -> bool:
    """Whether what children refer to changes, or may have changed: the key, or a column beside it."""
    if not _unsent(row, binding.key) and tuple([row[i] for i in binding.key]) != key:
        return True
    return any(row[i] is not UNSENT and (before is None or before[i] != row[i]) for i in binding.watched)


def _share_a_target(segments: Iterable[Segment]) -> bool:
    bindings = {segment.binding for segment in segments if not isinstance(segment, Clear)}
    return len({binding.table.full_name for binding in bindings}) < len(bindings)


# --- sets


def _sets(segments: Iterable[Segment]) -> list[Step]:
    sets = _Sets()
    for segment in segments:
        sets.take(segment)
    sets.flush()
    return sets.done


class _Sets:
    """Steps in the making. Where foreign keys act on a write, what stands before it in the source's order comes before
    it, and what stands behind it after: they would take along what is still to leave, or what has just come.

    Removals that follow each other, of whatever tables, are one set: none of them can save a row from another.
    """

    def __init__(self) -> None:
        self.done: list[Step] = []
        self._nets: dict[Binding, _Net] = {}
        self._removing = False
        """Whether all that waits are removals, some of which keys act on."""

    def take(self, segment: Segment) -> None:
        if isinstance(segment, Clear):
            self.flush()
            self.done.append(segment)
            return
        for effect, rows in _by_effect(segment):
            if effect == CHANGE or (effect == REMOVE and segment.binding.keyless):
                self.flush()
                linked = bool(segment.binding.links)
                self.done.append(Cascade(segment.binding, rows) if linked else Ordered(segment.binding, rows))
            elif effect == REMOVE:
                if not self._removing:
                    self.flush()
                self._removing = True
                self._add(segment.binding, rows)
            else:
                if self._removing and any(operation != REMOVE for operation, _, _ in rows):
                    self.flush()
                self._add(segment.binding, rows)

    def flush(self) -> None:
        self.done.extend(_flush(self._nets))
        self._removing = False

    def _add(self, binding: Binding, rows: Sequence[Write]) -> None:
        net = self._nets.get(binding)
        if net is None:
            net = self._nets[binding] = _Net(binding)
        if binding.keyless:
            net.loose.extend(rows)
            return
        for write in net.add(rows):
            self.done.extend(net.steps())
            _restart(net)
            _append_ordered(self.done, binding, write)


def _restart(net: _Net) -> None:
    """Empty a net in place, since its `add` is still running."""
    net.full.clear()
    net.partial.clear()
    net.removed.clear()
    net.fresh = True


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
            if isinstance(step, Removes | Cascade):
                (early if _must_come_first(net) else removes).append(step)
            else:
                writes.append(step)
    nets.clear()
    return [*reversed(early), *writes, *reversed(removes)]


def _must_come_first(net: _Net) -> bool:
    """A removed row may hold a unique value, or the very key, that a written row needs."""
    return bool(net.full or net.partial)
