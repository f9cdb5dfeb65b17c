"""The step "apply" on PostgreSQL: steps in, statements on the flight out, in order.

Rows that the source has just inserted are copied straight into the table, which costs half of a merge; when one of
them is there already, the merge follows. Otherwise one row travels as parameters of a prepared statement, few as one
array for each column, many through COPY into a temporary table: arrays need no round trip of their own, but each of
their bytes costs both ends more (`ARRAYS`, `INSERTS`). Wide rows travel as parameters, several to a statement: there
each byte costs least, since no end looks for separators in it (`WIDE`). Partial rows whose target row is missing are
read again from the source once everything else has landed.

Never begins, commits or rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, NamedTuple, TypeAlias, cast

from cdc_agent.engines.postgres.identifiers import qualified, quote
from cdc_agent.errors import RowRefused
from cdc_agent.model.steps import Cascade, Clear, Ordered, Removes, Step, Updates, Upserts
from cdc_agent.model.values import UNSENT, Row
from cdc_agent.model.writes import CHANGE, UPSERT, Binding, Write
from cdc_agent.targets.base import Missing
from cdc_agent.targets.cascades import expand
from cdc_agent.targets.postgres.encoding import bytes_of, column_arrays, copy_chunks
from cdc_agent.targets.postgres.flight import Flight, Queued
from cdc_agent.targets.postgres.layout import Layout
from cdc_agent.targets.postgres.statements import Form, Shape, Statements


class Bounds(NamedTuple):
    """How many rows, and how many bytes in all, travel as arrays at most."""

    rows: int
    size: int

    def hold(self, rows: Sequence[Row]) -> bool:
        return len(rows) <= self.rows and (len(rows) == 1 or bytes_of(rows) <= self.size)


ARRAYS: Final = Bounds(1000, 512 * 1024)
"""Beyond them a staging table is faster (measured on PostgreSQL 18)."""
INSERTS: Final = Bounds(500, 128 * 1024)
"""Beyond them a straight copy is faster than arrays."""
WIDE: Final = 4 * 1024
"""Bytes of a row from which parameters are faster than COPY, into the table or into a staging table."""
_LISTED: Final = (32, 16, 8, 4, 2)
"""How many wide rows one statement holds: few sizes, so that few statements are prepared."""
_PARAMETERS: Final = 65_535
"""The protocol counts a statement's parameters in 16 bits."""
CLASH_PAUSE: Final = 64
"""Batches that are merged at once after a fresh row was found to be there already."""

Parameters: TypeAlias = "Sequence[bytes | None]"
_Make: TypeAlias = "Callable[[Statements, Shape], list[bytes]]"


@dataclass(slots=True)
class Stages:
    """Which staging tables there are, and which hold rows: both go back with a rollback."""

    names: dict[tuple[Binding, tuple[int, ...], bool], str] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()

    def copy(self) -> Stages:
        return Stages(dict(self.names), self.filled)


@dataclass(frozen=True, slots=True)
class _Watch:
    """A statement that may find no row to update, and the keys to read again when it does."""

    queued: Queued
    bound: _Bound
    shape: Shape
    parameters: Parameters
    keys: Sequence[Row]
    settled: bool = False
    """True when exactly `keys` are known to be missing."""


class _Bound:
    """A binding with its statements, each compiled once for each shape."""

    def __init__(self, binding: Binding, layout: Layout) -> None:
        self.binding = binding
        self.statements = Statements(binding, layout)
        self.title = layout.title
        self.doing = f"writing to {layout.title}"
        self.merges = 0
        """Batches for which straight copies are not tried."""
        self._compiled: dict[tuple[_Make, Shape], list[bytes]] = {}

    def sql(self, make: _Make, shape: Shape) -> list[bytes]:
        """The statements that a method of `Statements` makes for a shape."""
        found = self._compiled.get((make, shape))
        if found is None:
            found = self._compiled[make, shape] = make(self.statements, shape)
        return found


class Writer:
    """Applies steps through one flight. `can_stage` is false where the role may not create temporary tables."""

    def __init__(self, flight: Flight, layout: Callable[[str, str], Layout], *, can_stage: bool) -> None:
        self._flight = flight
        self._layout = layout
        self._can_stage = can_stage
        self._bound: dict[Binding, _Bound] = {}
        self._stage_count = 0
        self.stages = Stages()

    def forget(self) -> None:
        """Drop what was derived from the catalogue. The caller drops the staging tables."""
        self._bound.clear()
        self.stages = Stages()

    def apply(self, steps: Sequence[Step], missing: Missing) -> None:
        """Send the steps' statements and wait for all of them. Raises what `Target.apply` raises."""
        watches: list[_Watch] = []
        for step in steps:
            self._step(step, watches)
        self._flight.land()
        for watch in watches:
            self._complete(watch, missing)
        self._flight.land()

    def _step(self, step: Step, watches: list[_Watch]) -> None:
        match step:
            case Upserts():
                bound = self._bind(step.binding)
                if not (step.fresh and self._copy(bound, step.rows)):
                    self._upsert(bound, step.rows)
            case Updates():
                self._update(self._bind(step.binding), step, watches)
            case Removes():
                self._remove(self._bind(step.binding), step.keys)
            case Ordered():
                self._in_order(self._bind(step.binding), step.writes, watches)
            case Clear():
                self._truncate(step)
            case Cascade():
                for one in expand(step, self._read):
                    self._step(one, watches)

    def _bind(self, binding: Binding) -> _Bound:
        bound = self._bound.get(binding)
        if bound is None:
            layout = self._layout(binding.table.schema, binding.table.name)
            bound = self._bound[binding] = _Bound(binding, layout)
        return bound

    # --- sets

    def _copy(self, bound: _Bound, rows: Sequence[Row]) -> bool:
        """COPY into the table itself; False when that is not the same as `_upsert`, or a row was refused."""
        if not bound.statements.may_copy or INSERTS.hold(rows) or _wide(rows):
            return False
        if bound.merges:
            bound.merges -= 1
            return False
        self._flight.run(b"SAVEPOINT cdc_copy", doing="setting a savepoint")
        try:
            self._flight.copy(bound.statements.copy(), copy_chunks(rows), doing=bound.doing)
        except RowRefused:
            bound.merges = CLASH_PAUSE
            self._flight.alone(b"ROLLBACK TO SAVEPOINT cdc_copy", doing="rolling back")
        self._flight.add(b"RELEASE SAVEPOINT cdc_copy", doing="releasing a savepoint", prepare=False)
        return not bound.merges

    def _upsert(self, bound: _Bound, rows: Sequence[Row]) -> None:
        columns = bound.statements.all_columns
        for part, null_safe in _by_null_key(bound, rows, bound.binding.key):
            for shape, parameters, _ in self._deliver(bound, columns, part, null_safe=null_safe):
                self._queue(bound, Statements.upsert, shape, parameters)

    def _insert(self, bound: _Bound, rows: Sequence[Row]) -> None:
        for shape, parameters, _ in self._deliver(bound, bound.statements.all_columns, rows):
            self._queue(bound, Statements.insert, shape, parameters)

    def _update(self, bound: _Bound, step: Updates, watches: list[_Watch]) -> None:
        places = [step.columns.index(i) for i in bound.binding.key]
        for part, null_safe in _by_null_key(bound, step.rows, places):
            delivered = self._deliver(bound, step.columns, part, null_safe=null_safe, numbered=True)
            for shape, parameters, rows in delivered:
                queued = self._queue(bound, Statements.update, shape, parameters)
                keys = [tuple([row[place] for place in places]) for row in rows]
                watch = _Watch(queued, bound, shape, parameters, keys)
                watches.append(self._settle(watch) if shape.form is Form.STAGE else watch)

    def _remove(self, bound: _Bound, keys: Sequence[Row]) -> None:
        for part, null_safe in _by_null_key(bound, keys, range(len(bound.binding.key))):
            for shape, parameters, _ in self._deliver(bound, bound.binding.key, part, null_safe=null_safe):
                self._queue(bound, Statements.remove, shape, parameters)

    def _truncate(self, step: Clear) -> None:
        tables = ", ".join(qualified(table.schema, table.name) for table in step.tables)
        restart = " RESTART IDENTITY" if step.restart_identity else ""
        cascade = " CASCADE" if step.cascade else ""
        names = ", ".join(".".join(table.full_name) for table in step.tables)
        self._flight.add(f"TRUNCATE {tables}{restart}{cascade}".encode(), doing=f"truncating {names}", prepare=False)

    def _read(self, binding: Binding, keys: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
        """What the rows under these keys hold in `columns`."""
        bound = self._bind(binding)
        found: list[Row] = []
        for shape, parameters, _ in self._deliver(bound, binding.key, keys):
            (statement,) = bound.statements.children(columns, shape)
            asked = self._flight.run(statement, parameters, doing=f"reading {bound.title}")
            found += [tuple([None if v is None else str(v).encode() for v in row]) for row in asked.rows]
        return found

    # --- one by one

    def _in_order(self, bound: _Bound, writes: Sequence[Write], watches: list[_Watch]) -> None:
        if bound.binding.keyless:
            self._keyless(bound, writes, watches)
            return
        for operation, key, row in writes:
            if row is None:
                self._single(bound, Statements.remove, bound.binding.key, key, null_safe=None in key)
            elif operation == UPSERT:
                self._upsert_one(bound, row)
            else:
                self._change(bound, key, row, watches)

    def _upsert_one(self, bound: _Bound, row: Row) -> None:
        null_safe = any(row[i] is None for i in bound.binding.key)
        self._single(bound, Statements.upsert, bound.statements.all_columns, row, null_safe=null_safe)

    def _change(self, bound: _Bound, key: Row, row: Row, watches: list[_Watch]) -> None:
        picks = bound.binding.key
        new_key = tuple([old if row[i] is UNSENT else row[i] for i, old in zip(picks, key, strict=True)])
        whole = UNSENT not in row
        if new_key == key and whole:
            self._upsert_one(bound, row)
        elif new_key == key:
            filled = list(row)
            for i, value in zip(picks, key, strict=True):
                filled[i] = value
            self._watched(bound, Statements.update, filled, (), new_key, None in key, watches)
        elif not whole:
            self._watched(bound, Statements.move, row, key, new_key, None in key, watches)
        elif bound.statements.has_arbiter and None not in new_key:
            columns = bound.statements.all_columns
            self._single(bound, Statements.move_or_insert, columns, (*row, *key), null_safe=None in key)
        else:
            self._single(bound, Statements.move, bound.statements.all_columns, (*row, *key), null_safe=None in key)
            self._upsert_one(bound, row)

    def _watched(
        self,
        bound: _Bound,
        make: _Make,
        row: Sequence[object],
        old_key: Row,
        new_key: Row,
        null_safe: bool,
        watches: list[_Watch],
    ) -> None:
        """An update of the columns that are sent, whose row may turn out to be missing."""
        columns = tuple([i for i, value in enumerate(row) if value is not UNSENT])
        values = cast(Row, (*[row[i] for i in columns], *old_key))
        queued, shape = self._single(bound, make, columns, values, null_safe=null_safe)
        watches.append(_Watch(queued, bound, shape, (), [new_key]))

    def _keyless(self, bound: _Bound, writes: Sequence[Write], watches: list[_Watch]) -> None:
        """Neighbouring inserts are one set; a change or removal strikes exactly one equal row."""
        inserts: list[Row] = []
        for operation, key, row in writes:
            if operation == UPSERT and row is not None:
                inserts.append(row)
                continue
            self._insert(bound, inserts)
            inserts = []
            _refuse_unsent(bound, key)
            if operation == CHANGE and row is not None:
                self._change_equal(bound, key, row, watches)
            else:
                self._single(bound, Statements.remove_equal, bound.binding.key, key)
        self._insert(bound, inserts)

    def _change_equal(self, bound: _Bound, key: Row, row: Row, watches: list[_Watch]) -> None:
        if UNSENT in row:
            self._watched(bound, Statements.change_equal, row, key, key, False, watches)
        elif bound.binding.table.acted_on:
            self._single(bound, Statements.change_equal_or_keep, bound.statements.all_columns, (*row, *key))
        else:
            self._single(bound, Statements.change_equal_or_insert, bound.statements.all_columns, (*row, *key))

    def _single(
        self, bound: _Bound, make: _Make, columns: tuple[int, ...], values: Row, *, null_safe: bool = False
    ) -> tuple[Queued, Shape]:
        shape = Shape(columns, Form.SINGLE, null_safe=null_safe)
        return self._queue(bound, make, shape, cast(Parameters, values)), shape

    # --- rows that were missing

    def _settle(self, watch: _Watch) -> _Watch:
        """Ask now, while the staging table still holds these rows."""
        self._flight.land()
        return replace(watch, keys=list(self._missing_keys(watch)), settled=True)

    def _complete(self, watch: _Watch, missing: Missing) -> None:
        bound = watch.bound
        found = [missing(bound.binding, key) for key in self._missing_keys(watch)]
        rows = [row for row in found if row is not None]
        if not rows:
            return
        if bound.binding.keyless:
            self._insert(bound, rows)
        else:
            self._upsert(bound, rows)

    def _missing_keys(self, watch: _Watch) -> Iterable[Row]:
        if watch.settled:
            return watch.keys
        if len(watch.keys) == 1:
            return [] if watch.queued.count else watch.keys
        if watch.queued.count == len(watch.keys) and watch.bound.statements.has_arbiter:
            return []
        (statement,) = watch.bound.sql(Statements.unmatched, watch.shape)
        unmatched = self._flight.run(statement, watch.parameters, doing=f"reading {watch.bound.title}")
        return [watch.keys[number - 1] for (number,) in unmatched.rows]

    # --- how rows travel

    def _deliver(
        self,
        bound: _Bound,
        columns: tuple[int, ...],
        rows: Sequence[Row],
        *,
        null_safe: bool = False,
        numbered: bool = False,
    ) -> Iterator[tuple[Shape, Parameters, Sequence[Row]]]:
        """The rows as parameters, or in a staging table: with each the shape that statements need to read them."""
        if len(rows) == 1:
            shape = Shape(columns, Form.SINGLE, null_safe=null_safe, numbered=numbered)
            yield shape, cast(Parameters, rows[0]), rows
        elif _wide(rows):
            yield from _listed(columns, rows, null_safe=null_safe, numbered=numbered)
        elif self._can_stage and not ARRAYS.hold(rows):
            stage = self._fill_stage(bound, columns, rows, numbered=numbered)
            yield Shape(columns, Form.STAGE, stage, null_safe=null_safe, numbered=numbered), (), rows
        else:
            shape = Shape(columns, Form.ARRAYS, null_safe=null_safe, numbered=numbered)
            for start in range(0, len(rows), ARRAYS.rows):
                part = rows[start : start + ARRAYS.rows]
                yield shape, column_arrays(part), part

    def _fill_stage(self, bound: _Bound, columns: tuple[int, ...], rows: Sequence[Row], *, numbered: bool) -> str:
        stage = self._empty_stage(bound, columns, numbered=numbered)
        chunks = copy_chunks([(b"%d" % n, *row) for n, row in enumerate(rows, 1)] if numbered else rows)
        self._flight.copy(f"COPY pg_temp.{quote(stage)} FROM STDIN".encode(), chunks, doing=bound.doing)
        self.stages.filled |= {stage}
        return stage

    def _empty_stage(self, bound: _Bound, columns: tuple[int, ...], *, numbered: bool) -> str:
        place = (bound.binding, columns, numbered)
        stage = self.stages.names.get(place)
        if stage is None:
            self._stage_count += 1
            stage = self.stages.names[place] = f"cdc_stage_{self._stage_count}"
            create = bound.statements.create_stage(stage, columns, numbered=numbered)
            self._flight.add(create, doing=f"staging rows for {bound.title}", prepare=False)
        elif stage in self.stages.filled:
            truncate = f"TRUNCATE pg_temp.{quote(stage)}".encode()
            self._flight.add(truncate, doing=f"staging rows for {bound.title}", prepare=False)
        return stage

    def _queue(self, bound: _Bound, make: _Make, shape: Shape, parameters: Parameters) -> Queued:
        """Queue the statements for a shape; the last one's outcome is the one that counts."""
        # A join with a staging table is planned anew each time: a plan made for few rows would serve many badly.
        prepare = shape.form is not Form.STAGE
        queued = None
        for statement in bound.sql(make, shape):
            queued = self._flight.add(statement, parameters, doing=bound.doing, prepare=prepare)
        assert queued is not None
        return queued


def _wide(rows: Sequence[Row]) -> bool:
    return bytes_of(rows) >= WIDE * len(rows)


def _listed(
    columns: tuple[int, ...], rows: Sequence[Row], *, null_safe: bool, numbered: bool
) -> Iterator[tuple[Shape, Parameters, Sequence[Row]]]:
    done = 0
    while rest := len(rows) - done:
        count = next((n for n in _LISTED if n <= rest and n * len(columns) <= _PARAMETERS), 1)
        part = rows[done : done + count]
        done += count
        form = Form.VALUES if count > 1 else Form.SINGLE
        shape = Shape(columns, form, null_safe=null_safe, numbered=numbered, count=count)
        yield shape, cast(Parameters, tuple(chain.from_iterable(part))), part


def _by_null_key(bound: _Bound, rows: Sequence[Row], places: Sequence[int]) -> Iterator[tuple[Sequence[Row], bool]]:
    """Rows whose key is all there, and apart from them rows with a NULL in it, which `=` would not find."""
    if not bound.statements.key_may_be_null:
        if rows:
            yield rows, False
        return
    plain = [row for row in rows if all(row[i] is not None for i in places)]
    with_null = [row for row in rows if any(row[i] is None for i in places)]
    if plain:
        yield plain, False
    if with_null:
        yield with_null, True


def _refuse_unsent(bound: _Bound, key: Row) -> None:
    if UNSENT in key:
        raise RowRefused(f"{bound.doing}: the log sent only a part of the old row, and the table has no key")
