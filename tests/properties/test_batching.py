"""The steps of a batch have the effect of its writes one by one, whatever the writes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cdc_agent.flow import batching
from cdc_agent.flow.batching import Segment
from cdc_agent.model.steps import Clear, Ordered, Removes, Step, Updates, Upserts
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Row, Type
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Write
from tests.support.mapping import writes

TEXT = Type(Kind.TEXT, "text")
COLUMNS = tuple(TargetColumn(name, TEXT, nullable=True, has_default=False) for name in ("id", "a", "b"))


def binding(name: str, parent: str | None = None) -> Binding:
    keys = (ForeignKey("fk", ("a",), ("public", parent), ("id",), "NO ACTION", "NO ACTION"),) if parent else ()
    return Binding(TargetTable("public", name, COLUMNS, ("id",), foreign_keys=keys), COLUMNS, (0,))


TABLES = (binding("one", parent="two"), binding("two"))
ACTING = tuple(replace(bound, table=replace(bound.table, acts=bound.table.name == "two")) for bound in TABLES)
"""The same where the target removes what refers to a row of `two` that leaves, and moves it with one that moves."""
Model = dict[tuple[str, Row], list[object]]


class Tables:
    """Two tables with a key, as dictionaries: the meaning of a write, spelled out."""

    def __init__(self) -> None:
        self.rows: Model = {}

    def write(self, bound: Binding, write: Write) -> None:
        operation, key, row = write
        name = bound.table.name
        if operation == REMOVE:
            if self.rows.pop((name, key), None) and bound.table.acts:
                self._act(key[0], None)
            return
        assert row is not None
        before = self.rows.pop((name, key), None) if operation == CHANGE else None
        if operation == CHANGE and before is None and UNSENT in row:
            return
        new_key = key if row[0] is UNSENT else (row[0],)
        filled = [old if value is UNSENT else value for value, old in zip(row, before or row, strict=True)]
        self.rows[(name, new_key)] = filled
        if before is not None and new_key != key and bound.table.acts:
            self._act(key[0], new_key[0])

    def _act(self, old: object, new: object) -> None:
        for place, row in [(place, row) for place, row in self.rows.items() if place[0] == "one" and row[1] == old]:
            if new is None:
                del self.rows[place]
            else:
                self.rows[place] = [row[0], new, row[2]]

    def step(self, step: Step) -> None:
        if isinstance(step, Clear):
            for table in step.tables:
                self.rows = {k: v for k, v in self.rows.items() if k[0] != table.name}
        elif isinstance(step, Upserts):
            for row in step.rows:
                self.write(step.binding, (UPSERT, (row[0],), row))
        elif isinstance(step, Removes):
            for key in step.keys:
                self.write(step.binding, (REMOVE, key, None))
        elif isinstance(step, Ordered):
            for write in step.writes:
                self.write(step.binding, write)
        else:
            self._update(step)

    def _update(self, step: Updates) -> None:
        for row in step.rows:
            sent = dict(zip(step.columns, row, strict=True))
            if (step.binding.table.name, (sent[0],)) not in self.rows:
                continue
            whole = tuple(sent.get(i, UNSENT) for i in range(len(COLUMNS)))
            self.write(step.binding, (CHANGE, (sent[0],), whole))


keys = st.sampled_from([b"1", b"2", b"3"])


values = st.sampled_from([b"x", b"1", b"2", b"", None])
sent_or_not = st.one_of(values, st.just(UNSENT))


@st.composite
def histories(draw: st.DrawFn, tables: Sequence[Binding] = TABLES) -> list[Segment]:
    """What a source can log: no insert of a row that is there, no change of one that is not."""
    present: dict[tuple[str, bytes], bool] = {}
    segments: list[Segment] = []
    for _ in range(draw(st.integers(0, 25))):
        bound = draw(st.sampled_from(tables))
        name, key = bound.table.name, draw(keys)
        if draw(st.integers(0, 15)) == 0:
            segments.append(Clear((bound.table,)))
            present = {k: v for k, v in present.items() if k[0] != name}
        elif (name, key) not in present:
            segments.append(writes(bound, (UPSERT, (key,), (key, draw(values), draw(values)))))
            present[(name, key)] = True
        elif draw(st.booleans()):
            segments.append(writes(bound, (REMOVE, (key,), None)))
            del present[(name, key)]
        else:
            moved = draw(keys)
            new_key = key if (name, moved) in present else moved
            segments.append(writes(bound, (CHANGE, (key,), (new_key, draw(sent_or_not), draw(sent_or_not)))))
            del present[(name, key)]
            present[(name, new_key)] = True
    return segments


def run(steps: list[Step]) -> Model:
    tables = Tables()
    for step in steps:
        tables.step(step)
    return tables.rows


@settings(max_examples=500)
@given(histories())
def test_steps_equal_writes_one_by_one(segments: list[Segment]) -> None:
    """Set-based steps and the writes in their order leave the same rows."""
    assert run(batching.steps(segments)) == run(batching.steps(segments, in_order=True))


@settings(max_examples=500)
@given(histories(ACTING))
def test_steps_equal_writes_one_by_one_where_the_targets_keys_act(segments: list[Segment]) -> None:
    """What a foreign key of the target takes along is what it would have taken in the source's order."""
    assert run(batching.steps(segments)) == run(batching.steps(segments, in_order=True))


@given(histories())
def test_each_key_at_most_once_in_a_set(segments: list[Segment]) -> None:
    """A set-based step names no key twice: a merge must never meet two versions of one row."""
    for step in batching.steps(segments):
        if isinstance(step, Upserts | Updates):
            names = [row[0] for row in step.rows]
            assert len(names) == len(set(names))
        elif isinstance(step, Removes):
            assert len(step.keys) == len(set(step.keys))


def test_parents_are_written_first() -> None:
    """A child that came before its parent in the batch is still written after it, and removed before it."""
    child, parent = TABLES
    row = (b"1", None, None)
    written = batching.steps([writes(child, (UPSERT, (b"1",), row)), writes(parent, (UPSERT, (b"1",), row))])
    assert [s.binding.table.name for s in written if isinstance(s, Upserts)] == ["two", "one"]
    removed = batching.steps([writes(parent, (REMOVE, (b"1",), None)), writes(child, (REMOVE, (b"1",), None))])
    assert [s.binding.table.name for s in removed if isinstance(s, Removes)] == ["one", "two"]


def test_a_table_without_a_key_is_one_step() -> None:
    """However often other tables come between, a table without a key costs one step, every write kept, in order."""
    keyed = TABLES[1]
    loose = Binding(TargetTable("public", "log", COLUMNS, ()), COLUMNS, (0, 1, 2), keyless=True)
    row = (b"1", b"x", None)
    segments: list[Segment] = []
    for number in range(5):
        segments.append(writes(keyed, (UPSERT, (b"%d" % number,), (b"%d" % number, None, None))))
        segments.append(writes(loose, (UPSERT, row, row)))
    steps = batching.steps(segments)
    assert [type(step) for step in steps] == [Upserts, Ordered]
    assert [len(step.writes) for step in steps if isinstance(step, Ordered)] == [5]
