"""Rows that do not come from the log, through the applier into each target: with the checkpoint, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cdc_agent.errors import NoKeyOrder, SourceSchemaError, TargetUnavailable
from cdc_agent.flow.entrance import Entrance, Entry
from cdc_agent.model import echo
from cdc_agent.model.changes import DELETE, UPDATE, Column, Table
from cdc_agent.model.positions import Lsn
from cdc_agent.tables.base import logged
from tests.contract.test_applier import INT, TABLES, TEXT, Bench, bench, row
from tests.support.servers import Server
from tests.support.targets import PIPELINE, Rig, close_rig, kill_sessions, open_rig

ITEMS = logged(("public", "items"), [Column("id", INT), Column("n", INT), Column("note", TEXT)], ["id"])


@pytest.fixture
def rig(any_server: Server) -> Iterator[Rig]:
    made = open_rig(any_server, *TABLES)
    yield made
    close_rig(made)


def entrance_of(made: Bench) -> Entrance:
    return made.applier._entrance


def marker(rig: Rig) -> echo.Marker | None:
    """What the pipeline back would read in the log."""
    columns = ("pipeline", "path", "generation", "transactions", "position", "mark")
    listed = ", ".join(f'"{name}"' if rig.postgres else f"`{name}`" for name in columns)
    ((*values,),) = rig.database.run(f"SELECT {listed} FROM cdc_agent.checkpoint WHERE pipeline = %s", (PIPELINE,))
    return echo.read_marker({name: str(value).encode() for name, value in zip(columns, values, strict=True)})


def test_rows_enter_with_the_checkpoint(rig: Rig) -> None:
    """New rows and rows that are there, in one commit with a marker that moved, at the position that was reached."""
    made = bench(rig)
    made.apply(made.inserts(100, row(1)))
    before = marker(rig)
    future = entrance_of(made).put(Entry.of_rows(ITEMS, [row(1, 5), row(2, 6)]))
    made.applier.enter()
    entered = future.result(0)
    assert (entered.written, entered.passed_over, entered.refused, entered.position) == (2, 0, (), Lsn(100))
    assert rig.rows("items", "id, n") == [(1, 5), (2, 6)]
    stored = rig.target.checkpoint(PIPELINE)
    assert stored == made.applier.checkpoint
    assert stored is not None
    assert (stored.position, stored.changes, stored.transactions) == ("lsn:0/64", 3, 2)
    assert marker(rig) == before == echo.Marker(PIPELINE, ("phone",))


def test_a_position_that_was_only_passed_over_is_committed_with_them(rig: Rig) -> None:
    """Transactions without rows moved the log's position; the checkpoint takes it along."""
    made = bench(rig)
    made.apply(made.says(150))
    future = entrance_of(made).put(Entry.of_rows(ITEMS, [row(1)], behind=Lsn(150)))
    made.applier.enter()
    assert future.result(0).position == Lsn(150)
    assert made.source.acknowledged == [Lsn(150)]


def test_rows_wait_for_their_position_and_never_split_a_transaction(rig: Rig) -> None:
    """Nothing enters before the stream is there, nor while a large transaction's parts are open."""
    made = bench(rig)
    future = entrance_of(made).put(Entry.of_rows(ITEMS, [row(7)], behind=Lsn(200)))
    made.apply(made.inserts(199, row(1)))
    made.applier.enter()
    assert made.source.asked == 1
    assert not future.done()
    whole = made.inserts(300, row(2))
    made.apply(replace(whole, last=False, position=None))
    made.applier.enter()
    assert not future.done()
    made.apply(replace(made.inserts(300, row(3)), first=False))
    made.applier.enter()
    assert future.result(0).written == 1
    assert rig.rows("items", "id") == [(1,), (2,), (3,), (7,)]


def test_what_the_stream_has_written_since_is_left_alone(rig: Rig) -> None:
    """An older row never overwrites a newer one, brings a deleted one back, or undoes a moved key."""
    made = bench(rig)
    made.apply(made.inserts(100, *[row(number) for number in range(1, 6)]))
    entrance_of(made).begin(lambda: None)
    with entrance_of(made).watch(("public", "items")) as watch:
        read = [row(number) for number in range(1, 8)]
        made.apply(
            made.says(101, (UPDATE, None, row(1, 50)), (DELETE, row(2), None), (UPDATE, row(3), row(30, 50))),
        )
        future = entrance_of(made).put(Entry.of_rows(ITEMS, read, behind=Lsn(101), watch=watch))
        made.applier.enter()
    assert (future.result(0).written, future.result(0).passed_over) == (4, 3)
    assert rig.rows("items", "id, n") == [(1, 50), (4, 1), (5, 1), (6, 1), (7, 1), (30, 50)]


def test_an_entry_may_remove_rows(rig: Rig) -> None:
    """What the source no longer has goes in the same commit as what it has."""
    made = bench(rig)
    made.apply(made.inserts(100, row(1), row(2)))
    future = entrance_of(made).put(Entry(ITEMS, [(DELETE, row(1), None), *Entry.of_rows(ITEMS, [row(3)]).changes]))
    made.applier.enter()
    assert future.result(0).written == 2
    assert rig.rows("items", "id") == [(2,), (3,)]


def test_a_refused_row_is_quarantined_in_the_same_commit(rig: Rig) -> None:
    """The other rows enter, and who put them in learns which did not."""
    made = bench(rig)
    rows = [row(number, 500 if number == 3 else 1) for number in range(1, 6)]
    rows.append((b"9", b"1", b"x" * 50))
    future = entrance_of(made).put(Entry.of_rows(ITEMS, rows))
    made.applier.enter()
    entered = future.result(0)
    assert entered.written == 4
    assert sorted(refusal.new["id"] for refusal in entered.refused if refusal.new) == ["3", "9"]  # type: ignore[type-var]
    assert rig.rows("items", "id") == [(1,), (2,), (4,), (5,)]
    assert len(made.quarantine("id")) == 2
    assert made.applier.checkpoint.quarantined == 2


@pytest.mark.parametrize(
    ("table", "kind"),
    [(logged(("public", "elsewhere"), ITEMS.columns, ["id"]), SourceSchemaError)],
    ids=["unrouted"],
)
def test_an_entry_that_cannot_be_mapped_stops_nothing(rig: Rig, table: Table, kind: type[Exception]) -> None:
    """Who put it in gets the error, and the next entry enters."""
    made = bench(rig)
    wrong = entrance_of(made).put(Entry.of_rows(table, [row(1)]))
    right = entrance_of(made).put(Entry.of_rows(ITEMS, [row(1)]))
    made.applier.enter()
    with pytest.raises(kind):
        wrong.result(0)
    assert right.result(0).written == 1


def test_rows_do_not_enter_a_table_without_a_key(any_server: Server) -> None:
    """A row that is there already could not be told from a new one."""
    rig = open_rig(any_server, "CREATE TABLE items (id INT, n INT, note VARCHAR(40))")
    try:
        made = bench(rig)
        future = entrance_of(made).put(Entry.of_rows(ITEMS, [row(1)]))
        made.applier.enter()
        with pytest.raises(NoKeyOrder):
            future.result(0)
    finally:
        close_rig(rig)


def test_an_entry_outlives_a_broken_session(rig: Rig) -> None:
    """The connection breaks under it: nothing of it is there, and in the next session it enters whole."""
    made = bench(rig)
    future = entrance_of(made).put(Entry.of_rows(ITEMS, [row(1), row(2)]))
    kill_sessions(rig)
    with pytest.raises(TargetUnavailable):
        made.applier.enter()
    assert not future.done()
    assert rig.rows("items") == []
    rig.target.close()
    rig.target.connect()
    made.applier.enter()
    assert future.result(0).written == 2
