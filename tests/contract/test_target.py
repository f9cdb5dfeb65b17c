"""What every target must do, run against each server of the run: one suite, whatever the engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cdc_agent.errors import (
    NotSetUp,
    OutcomeUnknown,
    Retryable,
    RowRefused,
    TakenOver,
    TargetUnavailable,
    TransactionAborted,
)
from cdc_agent.model import echo
from cdc_agent.model.remembered import Aspect, Condition, Memory, Note, Remembered, TableState
from cdc_agent.model.steps import Cascade, Clear, Ordered, Removes, Updates, Upserts
from cdc_agent.model.values import UNSENT, Row
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Link
from tests.support.memory.rig import MemoryServer, kill_session
from tests.support.memory.target import MemoryTarget
from tests.support.servers import Server
from tests.support.targets import ENTRY, PIPELINE, Rig, close_rig, kill_sessions, nothing_missing, open_rig

TABLES = (
    "CREATE TABLE items (id INT NOT NULL PRIMARY KEY, name VARCHAR(40), note VARCHAR(40))",
    "CREATE TABLE pairs (a INT NOT NULL, b VARCHAR(20) NOT NULL, v VARCHAR(40), PRIMARY KEY (a, b))",
    "CREATE TABLE only_key (id INT NOT NULL PRIMARY KEY)",
    "CREATE TABLE log_lines (line VARCHAR(40), n INT)",
    "CREATE TABLE people (id INT NOT NULL PRIMARY KEY, email VARCHAR(40) UNIQUE)",
    "CREATE TABLE parents (id INT NOT NULL PRIMARY KEY)",
    "CREATE TABLE children (id INT NOT NULL PRIMARY KEY, parent_id INT, "
    "CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE CASCADE)",
    "CREATE TABLE tags (parent_id INT NOT NULL PRIMARY KEY)",
)

SIZES = (1, 2, 30, 1500)
"""Each engine sends few rows in another way than many."""

TRICKY = (
    b"\t", b"\n\r\n", b"\\N", b"\\", b"NULL", b'"', b'{"a,b"}', b"'", b"", b" ",
    b"\x1f\x7f\x01", b"a\\b\tc", "😀é".encode(),
)  # fmt: skip


@pytest.fixture
def rig(any_target: Server | MemoryServer) -> Iterator[Rig]:
    made = open_rig(any_target, *TABLES)
    yield made
    close_rig(made)


@pytest.fixture
def real_rig(any_server: Server) -> Iterator[Rig]:
    """For what the memory has nothing of: an address, locks on rows."""
    made = open_rig(any_server, *TABLES)
    yield made
    close_rig(made)


def _items(numbers: range, name: bytes = b"n") -> list[Row]:
    return [(b"%d" % i, name, None) for i in numbers]


# --- catalogue


def test_a_table_that_does_not_exist_is_described_as_none(rig: Rig) -> None:
    """A missing table is an answer, not an error."""
    assert rig.target.describe(rig.schema, "no_such_table") is None


def test_a_description_names_columns_keys_and_foreign_keys(rig: Rig) -> None:
    """A description holds what binding and ordering need."""
    people, children = (rig.target.describe(rig.schema, name) for name in ("people", "children"))
    assert people is not None
    assert children is not None
    assert [(c.name, c.nullable) for c in people.columns] == [("id", False), ("email", True)]
    assert (people.primary_key, people.unique_keys) == (("id",), (("email",),))
    (key,) = children.foreign_keys
    assert (key.columns, key.references, key.referenced_columns) == (
        ("parent_id",),
        (rig.schema, "parents"),
        ("id",),
    )
    assert (key.name, key.on_delete) == ("of_parent", "CASCADE")


def test_a_description_is_renewed_after_forget(rig: Rig) -> None:
    """A column added later is seen after `forget`, and not before."""
    assert rig.target.describe(rig.schema, "only_key") is not None
    rig.database.run("ALTER TABLE only_key ADD COLUMN more INT")
    before = rig.target.describe(rig.schema, "only_key")
    rig.target.forget()
    after = rig.target.describe(rig.schema, "only_key")
    assert before is not None
    assert after is not None
    assert (len(before.columns), len(after.columns)) == (1, 2)


# --- checkpoint


def test_a_checkpoint_reads_back_as_it_was_written(rig: Rig) -> None:
    """What `begin` writes and `commit` commits is what `checkpoint` reads."""
    written = replace(
        rig.checkpoint,
        path=("a", "ü\"'\\", "phone"),
        position="binlog:binlog.000001:4;gtid=" + ",".join(f"0-{i}-7" for i in range(3000)),
        source_commit_time=1700000000.123456,
        transactions=2**40,
        changes=7,
        echoes=8,
        quarantined=9,
    )
    rig.target.begin(written)
    rig.target.commit()
    assert rig.target.checkpoint(PIPELINE) == written


def test_the_checkpoint_row_is_a_genuine_marker(rig: Rig) -> None:
    """Each of the agent's writes of the row carries the mark that sources look for; so does taking over."""
    columns = ("pipeline", "path", "generation", "transactions", "position", "mark")
    for act in (lambda: rig.apply(), lambda: rig.target.take_over(PIPELINE, "db-2:1")):
        act()
        query = f"SELECT {', '.join(columns)} FROM cdc_agent.checkpoint WHERE pipeline = %s"
        (row,) = rig.database.run(query, (PIPELINE,))
        texts = {name: str(value).encode() for name, value in zip(columns, row, strict=True)}
        assert echo.read_marker(texts) == echo.Marker(PIPELINE, ("phone",))


def test_an_unknown_pipeline_has_no_checkpoint(rig: Rig) -> None:
    """A pipeline that was never set up is told from one that was."""
    assert rig.target.checkpoint("no-such-pipeline") is None
    with pytest.raises(NotSetUp):
        rig.target.take_over("no-such-pipeline", "db-1:1")


def test_taking_over_raises_the_generation_and_stops_the_other(rig: Rig) -> None:
    """Of two agents the later one goes on, and the earlier one learns who it is and commits nothing."""
    taken = rig.another().take_over(PIPELINE, "db-2:200")
    assert (taken.generation, taken.host) == (rig.checkpoint.generation + 1, "db-2:200")
    with pytest.raises(TakenOver) as caught:
        rig.apply(Upserts(rig.bind("items"), _items(range(3))))
    told = "\n".join(caught.value.details)
    assert f"expected generation {rig.checkpoint.generation}, found {taken.generation} (host db-2:200" in told
    rig.target.rollback()
    assert rig.rows("items") == []


def test_an_empty_transaction_learns_of_the_other_agent_at_commit_at_the_latest(rig: Rig) -> None:
    """A checkpoint without rows does not commit under an old generation either."""
    rig.another().take_over(PIPELINE, "db-2:200")
    with pytest.raises(TakenOver):
        rig.apply()


def test_a_settled_checkpoint_waits_for_a_commit_that_is_under_way(rig: Rig) -> None:
    """What a session finds is not overtaken by the COMMIT of one before it, whose answer was lost."""
    other = rig.another()
    rig.target.begin(replace(rig.checkpoint, position="lsn:0/99"))
    rig.target.apply([Upserts(rig.bind("items"), _items(range(2)))], nothing_missing)
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(other.checkpoint, PIPELINE, settled=True)
        with pytest.raises(TimeoutError):
            reading.result(0.3)
        rig.target.commit()
        found = reading.result(10)
    assert found is not None
    assert found.position == "lsn:0/99"


def test_a_removed_checkpoint_is_told(rig: Rig) -> None:
    """A pipeline that was torn down under a running agent stops it."""
    rig.database.run("DELETE FROM cdc_agent.checkpoint WHERE pipeline = %s", (PIPELINE,))
    with pytest.raises(TakenOver, match="removed"):
        rig.apply()


def test_rows_and_checkpoint_come_and_go_together(rig: Rig) -> None:
    """After a rollback neither rows nor checkpoint nor quarantine are there; after a commit all are."""
    moved = replace(rig.checkpoint, position="lsn:0/99")
    for end in (rig.target.rollback, rig.target.commit):
        rig.target.begin(moved)
        rig.target.apply([Upserts(rig.bind("items"), _items(range(3)))], nothing_missing)
        rig.target.quarantine(PIPELINE, [ENTRY])
        rig.target.apply([Upserts(rig.bind("items"), _items(range(3, 4)))], nothing_missing)
        end()
        committed = end == rig.target.commit
        assert len(rig.rows("items")) == (4 if committed else 0)
        quarantined = rig.database.run("SELECT reason FROM cdc_agent.quarantine WHERE pipeline = %s", (PIPELINE,))
        assert quarantined[:1] == ([("too long",)] if committed else [])
        stored = rig.target.checkpoint(PIPELINE)
        assert stored is not None
        assert (stored.position == "lsn:0/99") is committed


def test_the_position_of_a_chunked_transaction_is_written_last(rig: Rig) -> None:
    """`finish` overwrites what `begin` wrote, in the same transaction."""
    rig.target.begin(rig.checkpoint)
    rig.target.apply([Upserts(rig.bind("items"), _items(range(2)))], nothing_missing)
    final = replace(rig.checkpoint, position="lsn:0/ABC", changes=2)
    rig.target.finish(final)
    rig.target.commit()
    assert rig.target.checkpoint(PIPELINE) == final


def test_history_is_kept_when_asked_for(rig: Rig) -> None:
    """A commit adds a line to the history only when told to."""
    rig.apply()
    rig.target.begin(rig.checkpoint)
    rig.target.commit(replace(rig.checkpoint, position="lsn:0/77", source_commit_time=12.5))
    found = rig.database.run(
        "SELECT generation, position, source_commit_time FROM cdc_agent.checkpoint_history "
        "WHERE pipeline = %s ORDER BY id DESC",
        (PIPELINE,),
    )
    assert found[0] == (rig.checkpoint.generation, "lsn:0/77", 12.5)


KNOWN = Remembered(Aspect.TABLES, ("public", "t"), ("crm", "t"), '{"name": "ü, \\"😀\\""}')
STANDS = TableState(("public", "t"), ("crm", "t"), Condition.DIFFERING, "SC002", "a reason", "ALTER TABLE …", "{}")


def remember(rig: Rig, *notes: Note) -> None:
    rig.target.begin(rig.checkpoint)
    rig.target.remember(PIPELINE, notes)
    rig.target.commit()


def test_what_is_remembered_of_tables_is_recalled_and_replaced(rig: Rig) -> None:
    """Descriptions by aspect and tables, states by tables; a state that stays keeps its time, an empty text forgets."""
    keys = Remembered(Aspect.KEYS, KNOWN.source, description="[]")
    remember(rig, KNOWN, keys, STANDS)
    found = rig.another().recall(PIPELINE)
    assert sorted(found.known, key=lambda one: one.aspect, reverse=True) == [KNOWN, keys]
    assert [replace(one, since="") for one in found.states] == [STANDS]
    remember(rig, replace(keys, description=""), replace(KNOWN, description="{}"), replace(STANDS, reason="another"))
    again = rig.target.recall(PIPELINE)
    assert again.known == [replace(KNOWN, description="{}")]
    assert again.states == [replace(found.states[0], reason="another")]
    assert rig.target.recall("another pipeline") == Memory([], [])


def test_what_is_remembered_comes_and_goes_with_the_checkpoint(rig: Rig) -> None:
    """A rollback leaves what was known before."""
    remember(rig, KNOWN)
    rig.target.begin(rig.checkpoint)
    rig.target.remember(PIPELINE, [replace(KNOWN, description="{}"), STANDS])
    rig.target.rollback()
    assert rig.target.recall(PIPELINE) == Memory([KNOWN], [])


def test_a_target_may_forget_again_and_again(rig: Rig) -> None:
    """Whatever was prepared between one time and the next, the server and the driver agree on what there is."""
    for turn in range(3):
        rig.target.forget()
        rig.target.forget()
        for number in range(7):
            rig.apply(Upserts(rig.bind("items"), _items(range(1), b"%d" % (turn * 7 + number))))
    assert rig.rows("items", "id, name") == [(0, "20")]


def test_a_table_that_the_target_alters_is_described_anew(rig: Rig) -> None:
    """`alter` runs outside a transaction, and what was known of the table is forgotten."""
    assert rig.target.describe(rig.schema, "items") is not None
    table = f'"{rig.schema}".items' if rig.postgres else f"`{rig.schema}`.items"
    rig.target.alter(f"ALTER TABLE {table} ADD COLUMN more varchar(5)")
    found = rig.target.describe(rig.schema, "items")
    assert found is not None
    assert [column.name for column in found.columns][-1] == "more"
    rig.apply(Upserts(rig.bind("items", ("id", "more")), [(b"1", b"x")]))
    assert rig.rows("items", "id, more") == [(1, "x")]


# --- sets


@pytest.mark.parametrize("size", SIZES)
def test_upserts_insert_what_is_new_and_replace_what_is_there(rig: Rig, size: int) -> None:
    """After an upsert each key has the row that was sent, and other rows are untouched."""
    binding = rig.bind("items")
    rig.apply(Upserts(binding, _items(range(size)), fresh=True))
    rig.apply(Upserts(binding, _items(range(size // 2, size + size // 2 + 1), b"new")))
    names = {i: name for i, name, _ in rig.rows("items")}
    assert names == {i: "new" if i >= size // 2 else "n" for i in range(size + size // 2 + 1)}


@pytest.mark.parametrize("size", SIZES)
def test_removes_delete_by_key_and_pass_over_what_is_gone(rig: Rig, size: int) -> None:
    """Removing keys that partly do not exist is no error."""
    binding = rig.bind("pairs")
    rig.apply(Upserts(binding, [(b"%d" % i, b"k", b"v") for i in range(size)]))
    rig.apply(Removes(binding, [(b"%d" % i, b"k") for i in range(size // 2, size + 2)]))
    assert [a for a, _, _ in rig.rows("pairs")] == list(range(size // 2))


@pytest.mark.parametrize("size", SIZES)
def test_updates_leave_unsent_columns_alone(rig: Rig, size: int) -> None:
    """An update writes the sent columns only."""
    binding = rig.bind("items")
    rig.apply(Upserts(binding, [(b"%d" % i, b"n", b"keep") for i in range(size)]))
    rig.apply(Updates(binding, (0, 1), [(b"%d" % i, None if i % 2 else b"changed") for i in range(size)]))
    assert rig.rows("items") == [(i, None if i % 2 else "changed", "keep") for i in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_an_update_that_changes_nothing_is_not_a_missing_row(rig: Rig, size: int) -> None:
    """Rows that hold the values already are matched, not missing."""
    binding = rig.bind("items")
    rows = [(b"%d" % i, b"same", None) for i in range(size)]
    rig.apply(Upserts(binding, rows))
    rig.apply(Updates(binding, (0, 1), [row[:2] for row in rows]))
    assert len(rig.rows("items")) == size


@pytest.mark.parametrize("size", SIZES)
def test_partial_updates_of_missing_rows_take_the_whole_row_from_the_source(rig: Rig, size: int) -> None:
    """A missing row is read again from the source; one that is gone there too stays away."""
    binding = rig.bind("items")
    present = {i for i in range(size) if i % 3 == 0}
    rig.apply(Upserts(binding, [(b"%d" % i, b"n", b"keep") for i in present]))
    asked: list[Row] = []

    def missing(of: Binding, key: Row) -> Row | None:
        assert of is binding
        asked.append(key)
        assert isinstance(key[0], bytes)
        return None if int(key[0]) % 3 == 1 else (key[0], b"reread", b"whole")

    rig.apply(Updates(binding, (0, 1), [(b"%d" % i, b"changed") for i in range(size)]), missing=missing)
    assert sorted(asked) == sorted([(b"%d" % i,) for i in range(size) if i not in present])
    expected = {i: ("changed", "keep") if i in present else ("reread", "whole") for i in range(size) if i % 3 != 1}
    assert {i: (name, note) for i, name, note in rig.rows("items")} == expected


@pytest.mark.parametrize("size", SIZES)
def test_tables_whose_columns_are_all_key_can_be_written(rig: Rig, size: int) -> None:
    """Where there is nothing to replace an upsert inserts, and a partial update asks for nothing."""
    binding = rig.bind("only_key")
    rows: list[Row] = [(b"%d" % i,) for i in range(size)]
    rig.apply(Upserts(binding, rows))
    rig.apply(Upserts(binding, rows))
    rig.apply(Updates(binding, (0,), rows))
    assert len(rig.rows("only_key")) == size


@pytest.mark.parametrize("size", [2, 1500])
def test_a_column_that_no_route_writes_keeps_its_value(rig: Rig, size: int) -> None:
    """A binding of some columns never touches the others."""
    rig.apply(Upserts(rig.bind("items"), [(b"%d" % i, b"n", b"keep") for i in range(size)]))
    rig.apply(Upserts(rig.bind("items", ("id", "name")), [(b"%d" % i, b"new") for i in range(size + 1)]))
    assert rig.rows("items") == [*((i, "new", "keep") for i in range(size)), (size, "new", None)]


@pytest.mark.parametrize("size", [2, 1500])
def test_the_same_table_can_be_written_more_than_once_in_a_batch(rig: Rig, size: int) -> None:
    """Steps act in their order, also when they travel in the same way."""
    binding = rig.bind("items")
    rig.apply(
        Upserts(binding, _items(range(size))),
        Upserts(binding, _items(range(size), b"second")),
        Removes(binding, [(b"%d" % i,) for i in range(0, size, 2)]),
        Updates(binding, (0, 2), [(b"%d" % i, b"third") for i in range(1, size, 2)]),
    )
    assert rig.rows("items") == [(i, "second", "third") for i in range(1, size, 2)]


def test_steps_for_several_tables_commit_together(rig: Rig) -> None:
    """A parent and its child arrive in one batch."""
    rig.apply(
        Upserts(rig.bind("parents"), [(b"1",), (b"2",)]),
        Upserts(rig.bind("children"), [(b"10", b"1"), (b"11", None)]),
        Removes(rig.bind("parents"), [(b"2",)]),
    )
    assert rig.rows("children") == [(10, 1), (11, None)]
    assert rig.rows("parents") == [(1,)]


def test_a_child_that_is_its_foreign_key_alone_is_moved_but_never_made(rig: Rig) -> None:
    """Where a parent that moved has no child, none is there afterwards."""
    parents, tags = rig.bind("parents"), rig.bind("tags")
    link = Link(tags, ("id",), "CASCADE", "CASCADE")
    linked = replace(parents, links={parents.table.full_name: (link,)})
    rig.apply(Upserts(parents, [(b"1",), (b"5",)]), Upserts(tags, [(b"1",)]))
    rig.apply(
        Cascade(linked, [(CHANGE, (b"1",), (b"2",)), (CHANGE, (b"5",), (b"6",))]),
    )
    assert rig.rows("tags") == [(2,)]


@pytest.mark.parametrize("size", [1, 30, 1500])
def test_text_arrives_byte_for_byte(rig: Rig, size: int) -> None:
    """Separators, quotes, escapes, the text of NULL and characters of four bytes are data like any other."""
    binding = rig.bind("items")
    rows: list[Row] = [(b"%d" % i, TRICKY[i % len(TRICKY)], None) for i in range(max(size, len(TRICKY)))]
    if size == 1:
        rig.apply(*[Upserts(binding, [row]) for row in rows])
    else:
        rig.apply(Upserts(binding, rows))
    assert [name.encode() for _, name, _ in rig.rows("items")] == [row[1] for row in rows]


# --- one by one


def test_a_moved_key_moves_the_row_and_keeps_what_was_not_sent(rig: Rig) -> None:
    """A moved key is an update in place."""
    binding = rig.bind("items")
    rig.apply(Upserts(binding, [(b"1", b"n", b"keep")]))
    rig.apply(Ordered(binding, [(CHANGE, (b"1",), (b"2", b"moved", UNSENT))]))
    assert rig.rows("items") == [(2, "moved", "keep")]


def test_a_whole_moved_row_that_was_missing_is_inserted(rig: Rig) -> None:
    """A move whose row is not there leaves the row under its new key, for the moves that follow."""
    binding = rig.bind("items")
    rig.apply(
        Ordered(binding, [(CHANGE, (b"1",), (b"2", b"a", b"x")), (CHANGE, (b"2",), (b"3", b"b", b"y"))]),
    )
    assert rig.rows("items") == [(3, "b", "y")]


def test_a_partial_moved_row_that_was_missing_is_read_again(rig: Rig) -> None:
    """A move that did not send everything asks the source for the row under its new key."""
    binding = rig.bind("items")
    asked: list[Row] = []

    def missing(of: Binding, key: Row) -> Row | None:
        asked.append(key)
        return (b"2", b"whole", b"row")

    rig.apply(Ordered(binding, [(CHANGE, (b"1",), (b"2", b"moved", UNSENT))]), missing=missing)
    assert asked == [(b"2",)]
    assert rig.rows("items") == [(2, "whole", "row")]


def test_ordered_writes_act_one_after_the_other(rig: Rig) -> None:
    """A unique value passes from one row to another when the order says so."""
    binding = rig.bind("people")
    rig.apply(Upserts(binding, [(b"1", b"a@x"), (b"2", b"b@x")]))
    rig.apply(
        Ordered(
            binding,
            [
                (CHANGE, (b"1",), (b"1", b"tmp")),
                (CHANGE, (b"2",), (b"2", b"a@x")),
                (CHANGE, (b"1",), (b"1", b"b@x")),
                (UPSERT, (b"3",), (b"3", b"c@x")),
                (REMOVE, (b"3",), None),
                (UPSERT, (b"4",), (b"4", b"c@x")),
            ],
        )
    )
    assert rig.rows("people") == [(1, "b@x"), (2, "a@x"), (4, "c@x")]


def test_a_partial_change_in_order_keeps_what_was_not_sent(rig: Rig) -> None:
    """An unsent column stays as it is, whether or not the row is there."""
    binding = rig.bind("items")
    rig.apply(Upserts(binding, [(b"1", b"n", b"keep")]))
    writes = [(CHANGE, (b"1",), (b"1", b"new", UNSENT)), (CHANGE, (b"2",), (b"2", b"new", UNSENT))]
    rig.apply(Ordered(binding, writes), missing=lambda of, key: None)
    assert rig.rows("items") == [(1, "new", "keep")]


def test_a_keyless_table_changes_exactly_one_of_equal_rows(rig: Rig) -> None:
    """Of rows that are equal, NULLs included, one is changed or removed."""
    binding = rig.bind("log_lines")
    assert binding.keyless
    twin, other = (b"same", None), (None, b"5")
    rig.apply(Ordered(binding, [(UPSERT, row, row) for row in (twin, twin, twin, other)]))
    rig.apply(Ordered(binding, [(CHANGE, twin, (b"changed", None)), (REMOVE, twin, None), (REMOVE, other, None)]))
    assert sorted(rig.rows("log_lines"), key=str) == [("changed", None), ("same", None)]


def test_clearing_truncates_the_tables_together(rig: Rig) -> None:
    """What is written before is gone, what is written after stays."""
    items, pairs = rig.bind("items"), rig.bind("pairs")
    rig.apply(
        Upserts(items, _items(range(3))),
        Upserts(pairs, [(b"1", b"k", b"v")]),
        Clear((items.table, pairs.table)),
        Upserts(items, _items(range(7, 8))),
    )
    assert [i for i, *_ in rig.rows("items")] == [7]
    assert rig.rows("pairs") == []


# --- refusals and lost connections


@pytest.mark.parametrize("size", [1, 30, 1500])
def test_a_refused_row_is_told_without_its_value(rig: Rig, size: int) -> None:
    """A clash with another unique key is refused, never an overwrite, and the error quotes no row."""
    binding = rig.bind("people")
    rig.apply(Upserts(binding, [(b"0", b"secret-canary")]))
    rows: list[Row] = [(b"%d" % i, b"mail%d" % i) for i in range(1, size)]
    rig.target.begin(rig.checkpoint)
    with pytest.raises(RowRefused) as caught:
        rig.target.apply([Upserts(binding, [*rows, (b"99999", b"secret-canary")])], nothing_missing)
    assert "canary" not in caught.value.render()
    assert "people" in caught.value.render()
    rig.target.rollback()
    assert rig.rows("people") == [(0, "secret-canary")]


@pytest.mark.parametrize("size", [1, 30, 1500])
def test_a_value_that_is_too_long_is_refused_and_never_cut(rig: Rig, size: int) -> None:
    """Truncation is a refusal in every way in which rows travel."""
    rows = [*_items(range(size - 1)), (b"99999", b"x" * 41, None)]
    rig.target.begin(rig.checkpoint)
    with pytest.raises(RowRefused):
        rig.target.apply([Upserts(rig.bind("items"), rows)], nothing_missing)
    rig.target.rollback()


def test_an_attempt_that_is_refused_leaves_the_transaction_usable(rig: Rig) -> None:
    """The savepoint takes back the attempt's rows only; attempts before and after it are committed."""
    binding = rig.bind("items")
    rig.target.begin(rig.checkpoint)
    assert rig.target.attempt([Upserts(binding, _items(range(1500)))], nothing_missing) is None
    bad: list[Row] = [*_items(range(2000, 4000)), (b"9999", b"x" * 41, None)]
    for rows in (bad, bad[-30:], bad[-1:]):
        assert isinstance(rig.target.attempt([Upserts(binding, rows)], nothing_missing), RowRefused)
    assert rig.target.attempt([Upserts(binding, _items(range(5000, 7000), b"after"))], nothing_missing) is None
    rig.target.quarantine(PIPELINE, [ENTRY])
    rig.target.commit()
    assert [i for i, *_ in rig.rows("items")] == [*range(1500), *range(5000, 7000)]


def test_a_target_goes_on_after_a_rollback(rig: Rig) -> None:
    """Whatever the rolled-back transaction created on the side is made anew."""
    binding = rig.bind("items")
    for _ in range(2):
        rig.target.begin(rig.checkpoint)
        rig.target.apply([Upserts(binding, _items(range(1500)))], nothing_missing)
        rig.target.rollback()
    rig.apply(Upserts(binding, _items(range(1500))))
    rig.apply(Upserts(binding, _items(range(1500, 3000))))
    assert len(rig.rows("items")) == 3000


def test_a_changed_table_is_written_after_forget(rig: Rig) -> None:
    """After a schema change and `forget` the new column is written, few rows or many."""
    rig.apply(Upserts(rig.bind("items"), _items(range(1500))))
    rig.database.run("ALTER TABLE items ADD COLUMN extra VARCHAR(10)")
    rig.target.forget()
    rig.apply(Upserts(rig.bind("items"), [(*row, b"e") for row in _items(range(1500))]))
    rig.apply(Upserts(rig.bind("items"), [(*row, b"e") for row in _items(range(1500, 1501))]))
    assert rig.rows("items", "COUNT(extra)") == [(1501,)]


def test_a_target_may_forget_in_the_middle_of_a_transaction(rig: Rig) -> None:
    """A schema change met between two parts of a large transaction does not break the parts after it."""
    rows = _items(range(1500))
    rig.target.begin(rig.checkpoint)
    for _ in range(2):
        rig.target.apply([Upserts(rig.bind("items"), rows)], nothing_missing)
        rig.target.forget()
        rig.target.apply([Upserts(rig.bind("items"), rows)], nothing_missing)
    rig.target.commit()
    rig.apply(Upserts(rig.bind("items"), rows))
    assert len(rig.rows("items")) == 1500


def test_a_connection_that_was_killed_is_unavailable_and_can_be_opened_again(rig: Rig) -> None:
    """A cut connection is a Retryable error; after `connect` the target works as before."""
    rig.target.begin(rig.checkpoint)
    rig.target.apply([Upserts(rig.bind("items"), _items(range(2)))], nothing_missing)
    _kill_sessions(rig)
    with pytest.raises(TargetUnavailable):
        rig.target.apply([Upserts(rig.bind("items"), _items(range(2)))], nothing_missing)
    rig.target.rollback()
    rig.target.connect()
    assert rig.rows("items") == []
    rig.apply(Upserts(rig.bind("items"), _items(range(2))))
    assert len(rig.rows("items")) == 2


def test_a_connection_lost_at_commit_has_an_unknown_outcome(rig: Rig) -> None:
    """An answer to COMMIT that never comes is not taken for a failure."""
    rig.target.begin(rig.checkpoint)
    rig.target.apply([Upserts(rig.bind("items"), _items(range(2)))], nothing_missing)
    _kill_sessions(rig)
    with pytest.raises(OutcomeUnknown):
        rig.target.commit()
    rig.target.rollback()
    rig.target.rollback()


def test_a_server_that_cannot_be_reached_is_unavailable(real_rig: Rig) -> None:
    """A wrong port is a Retryable error without the password in it."""
    from cdc_agent.config.model import Database
    from tests.support.targets import make_target

    scheme = "postgresql" if real_rig.postgres else "mysql"
    target = make_target(Database(url=f"{scheme}://someone:canary@127.0.0.1:1/none"))
    with pytest.raises(Retryable) as caught:
        target.connect()
    assert "canary" not in caught.value.render()


def test_a_deadlock_is_retryable(real_rig: Rig) -> None:
    """A transaction that the server gives up is told from a refused row."""
    rig = real_rig
    binding = rig.bind("items")
    rig.apply(Upserts(binding, _items(range(2))))
    short = "SET lock_timeout = '100ms'" if rig.postgres else "SET SESSION innodb_lock_wait_timeout = 1"
    blocker = rig.database.connect()
    try:
        cursor = blocker.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE items SET note = 'held' WHERE id = 1")
        _execute(rig, short)
        rig.target.begin(rig.checkpoint)
        with pytest.raises(TransactionAborted):
            rig.target.apply([Upserts(binding, _items(range(2), b"waits"))], nothing_missing)
    finally:
        blocker.close()
    rig.target.rollback()
    rig.apply(Upserts(binding, _items(range(2), b"after")))


def _kill_sessions(rig: Rig) -> None:
    """End the target's own session on the server."""
    if isinstance(rig.target, MemoryTarget):
        kill_session(rig.target)
    else:
        kill_sessions(rig)


def _execute(rig: Rig, sql: str) -> None:
    """A setting for the target's own session, so that a test need not wait for the real one."""
    if rig.postgres:
        rig.target._live.connection.execute(sql.encode())
    else:
        rig.target._wire.session.query(sql)
