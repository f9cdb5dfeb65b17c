"""The second entrance: which entry is due, what a watch knows of the stream, and what becomes of those who wait."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cdc_agent.errors import DecodeError, NotYetVisible, RowsOutdated, SourceSchemaError, TargetUnavailable
from cdc_agent.flow import entrance as entrances
from cdc_agent.flow.entrance import Entered, Entrance, Entry, Watch
from cdc_agent.flow.queue import TransactionQueue
from cdc_agent.model.changes import Column
from cdc_agent.model.positions import Lsn, Position
from cdc_agent.model.steps import Clear
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Type
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Link
from cdc_agent.tables.base import logged
from tests.support.mapping import writes

INT = Type(Kind.INTEGER, "integer", precision=32)
ITEMS = logged(("public", "items"), [Column("id", INT), Column("n", INT)], ["id"])
DONE = Entered(1, 0, (), Lsn(1))


def binding(name: str = "items", **options: object) -> Binding:
    columns = tuple(TargetColumn(column, INT, nullable=True, has_default=False) for column in ("id", "n"))
    target = TargetTable("crm", name, columns, ("id",))
    return Binding(target, columns, (0,), source=("public", name), **options)  # type: ignore[arg-type]


def entry(behind: Position | None = None) -> Entry:
    return Entry.of_rows(ITEMS, [(b"1", b"2")], behind=behind)


def due(entrance: Entrance, at: int) -> Future[Entered] | None:
    found = entrance.due(Lsn(at))
    return None if found is None else found[1]


def test_an_entry_is_due_behind_its_position_and_until_it_is_done() -> None:
    """One that waits for a later position lets others pass; one whose session broke is handed out again."""
    entrance = Entrance()
    later, now = entrance.put(entry(Lsn(10))), entrance.put(entry())
    assert due(entrance, 9) is now
    assert due(entrance, 9) is now
    entrance.done(now, DONE)
    assert now.result(0) == DONE
    assert due(entrance, 9) is None
    assert entrance.waiting
    assert due(entrance, 10) is later
    entrance.done(later, SourceSchemaError("no"))
    assert not entrance.waiting
    with pytest.raises(SourceSchemaError):
        later.result(0)


def test_the_source_is_asked_once_for_each_entry_that_waits() -> None:
    """An idle log does not tell how far it was read unless somebody asks."""
    entrance = Entrance()
    assert not entrance.asks()
    entrance.put(entry(Lsn(10)))
    assert [entrance.asks(), entrance.asks()] == [True, False]
    entrance.put(entry(Lsn(11)))
    assert [entrance.asks(), entrance.asks()] == [True, False]


def test_a_cancelled_entry_never_enters() -> None:
    """Who no longer wants its rows in takes them back, as long as they were not handed out."""
    entrance = Entrance()
    first, second = entrance.put(entry()), entrance.put(entry())
    assert first.cancel()
    assert due(entrance, 1) is second
    assert not second.cancel()
    entrance.done(second, DONE)
    later = entrance.put(entry(Lsn(9)))
    assert due(entrance, 1) is None
    assert later.cancel()
    assert due(entrance, 9) is None
    assert not entrance.waiting


def test_the_end_of_a_pipeline_ends_every_waiting() -> None:
    """With the pipeline's own error, where it has one; and so for those who come later."""
    entrance = Entrance()
    waiting, running = entrance.put(entry(Lsn(9))), entrance.put(entry())
    due(entrance, 1)
    entrance.close(DecodeError("unreadable"))
    for future in (waiting, running, entrance.put(entry())):
        with pytest.raises(DecodeError):
            future.result(0)
    stopped = Entrance()
    stopped.close()
    with pytest.raises(TargetUnavailable):
        stopped.put(entry()).result(0)


def test_a_watch_covers_what_the_stream_writes_while_it_lasts() -> None:
    """Inserts, updates with both keys of a moved row, and deletes of its table; nothing of others, nothing behind its end."""
    entrance = Entrance()
    entrance.begin(lambda: None)
    target = ("crm", "items")
    with entrance.watch(("public", "items")) as watch:
        entrance.note([writes(binding(), (UPSERT, (b"1",), (b"1", b"0")), (REMOVE, (b"2",), None))])
        entrance.note([writes(binding(), (CHANGE, (b"3",), (b"4", b"0")), (CHANGE, (b"5",), (UNSENT, b"0")))])
        entrance.note([writes(binding("others"), (UPSERT, (b"6",), (b"6", b"0")))])
    entrance.note([writes(binding(), (UPSERT, (b"7",), (b"7", b"0")))])
    covered = [number for number in range(9) if watch.covers(target, (b"%d" % number,))]
    assert covered == [1, 2, 3, 4, 5]
    assert not watch.covers(("crm", "others"), (b"6",))
    watch.require_current()


def test_a_watch_begins_with_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two of them nobody can say what the last one has written that the source does not show yet."""
    entrance, order = Entrance(), list[str]()

    def watch() -> None:
        with entrance.watch(("public", "items")):
            order.append("watched")

    with ThreadPoolExecutor(1) as beside:
        watching = beside.submit(watch)
        entrance.begin(lambda: order.append("settled"))
        watching.result(60)
    assert order == ["settled", "watched"]
    entrance.end()
    monkeypatch.setattr(entrances, "SESSION_SECONDS", 0.01)
    with pytest.raises(NotYetVisible, match="has not streamed"):
        watch()
    entrance.close(DecodeError("unreadable"))
    with pytest.raises(DecodeError):
        watch()
    assert entrance.watches == ()


def test_a_watch_covers_everything_once_the_table_was_emptied() -> None:
    """Whatever is there after a TRUNCATE came through the stream."""
    watch = Watch(("public", "items"))
    watch.note(Clear((binding().table,)))
    assert watch.covers(("crm", "items"), (b"1",))
    assert not watch.covers(("crm", "others"), (b"1",))


def test_rows_are_outdated_once_an_unlogged_foreign_key_may_have_acted_on_them() -> None:
    """A parent that leaves or moves takes children with it that its log does not name; other changes of it do not."""
    child = binding("items")
    link = Link(child, ("id",), "CASCADE", "CASCADE")
    parent = binding("parents", links={("crm", "parents"): (link,)})
    for rows, outdated in (
        ([(UPSERT, (b"1",), (b"1", b"0")), (CHANGE, (b"1",), (b"1", b"5"))], False),
        ([(REMOVE, (b"1",), None)], True),
        ([(CHANGE, (b"1",), (b"2", b"0"))], True),
    ):
        watch, other = Watch(("public", "items")), Watch(("public", "elsewhere"))
        for one in (watch, other):
            one.note(writes(parent, *rows))
        other.require_current()
        if outdated:
            with pytest.raises(RowsOutdated):
                watch.require_current()
        else:
            watch.require_current()


def test_an_entry_ends_the_waiting_of_an_idle_queue() -> None:
    """Also one that came just before the applier began to wait, and only once."""
    queue, entrance = TransactionQueue(1000), Entrance()
    entrance.wake = queue.wake
    entrance.put(entry())
    assert queue.drain(100, 3600) == []
    assert queue.drain(100, 0.01) == []
