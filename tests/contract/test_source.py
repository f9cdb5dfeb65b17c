"""What every source must do, run against each server of the run and the source of the simulation: one suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from uuid import uuid4

import pytest

from cdc_agent.errors import LogGone, SourceUnavailable
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Rows, Table, Transaction, Truncate
from cdc_agent.model.positions import Position, parse_position
from cdc_agent.model.values import UNSENT
from cdc_agent.sources.assemble import PART_BYTES
from tests.support.memory.rig import MemoryServer
from tests.support.reading import TARGET, Reading, changes_of, keys
from tests.support.servers import Server
from tests.support.sources import SourceRig, open_source
from tests.support.waiting import wait_until

TABLES = (
    "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(40))",
    "CREATE TABLE big (id INT NOT NULL PRIMARY KEY, v VARCHAR(15000))",
    "CREATE TABLE unrouted (id INT NOT NULL PRIMARY KEY, v VARCHAR(40))",
)
LARGE = "INSERT INTO big VALUES " + ", ".join(f"({number}, '{'x' * 15_000}')" for number in range(200))
"""Three parts at least."""


@pytest.fixture
def rig(any_source: Server | MemoryServer) -> Iterator[SourceRig]:
    made = open_source(any_source, *TABLES)
    yield made
    made.close()


@pytest.fixture
def reading(rig: SourceRig) -> Reading:
    """From the beginning on; `unrouted` is of no route."""
    rig.reading.start(rig.beginning, routed(rig))
    return rig.reading


def routed(rig: SourceRig) -> Callable[[tuple[str, str]], bool]:
    return lambda name: name in ((rig.schema, "t"), (rig.schema, "big"))


def ours(reading: Reading) -> list[Transaction]:
    """What was committed until now of the routed tables; others may use the server as well."""
    return [transaction for transaction in reading.until_now() if transaction.pieces]


def read_keys(reading: Reading) -> list[int]:
    return keys(read_changes(reading))


def read_changes(reading: Reading) -> list[Change]:
    return [change for transaction in ours(reading) for change in changes_of(transaction)]


def tables_of(transactions: list[Transaction]) -> list[Table]:
    return [piece.table for one in transactions for piece in one.pieces if isinstance(piece, Rows)]


# --- who and where


def test_a_server_is_the_same_whoever_asks(rig: SourceRig) -> None:
    """Identity is the server's, so that a checkpoint of another one is known; engine and version are said."""
    first = rig.reading.source.identity()
    rig.reading.start(rig.beginning)
    assert rig.reading.source.identity().text == first.text
    assert first.engine in first.text
    assert first.version


def test_the_end_of_the_log_moves_with_each_commit(rig: SourceRig) -> None:
    """A position is read back from its text, has reached itself and what is before it, and nothing that comes later."""
    found = [rig.reading.source.current_position()]
    for number in range(3):
        rig.commit(f"INSERT INTO t VALUES ({number}, 'x')")
        found.append(rig.reading.source.current_position())
    assert [parse_position(str(position)) for position in found] == found
    for earlier, later in pairwise(found):
        assert later.reached(earlier)
        assert later.reached(later)
        assert not earlier.reached(later)


# --- what comes


def test_a_log_is_read_from_behind_a_position(rig: SourceRig) -> None:
    """What was committed before it does not come, what is committed later does."""
    rig.commit("INSERT INTO t VALUES (1, 'before')")
    rig.reading.start(rig.reading.source.current_position(), routed(rig))
    rig.commit("INSERT INTO t VALUES (2, 'behind')")
    assert read_changes(rig.reading) == [(INSERT, None, (b"2", b"behind"))]


def test_transactions_come_whole_and_in_order(rig: SourceRig, reading: Reading) -> None:
    """Each once, with its changes in their order, a position behind the one before it, and its commit time."""
    rig.commit("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    rig.commit("UPDATE t SET v = 'c' WHERE id = 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (3, NULL)")
    found = ours(reading)
    assert [[operation for operation, _, _ in changes_of(one)] for one in found] == [
        [INSERT, INSERT],
        [UPDATE, DELETE, INSERT],
    ]
    assert [keys(changes_of(one)) for one in found] == [[1, 2], [1, 2, 3]]
    assert [new for _, _, new in read_changes(reading)] == [
        (b"1", b"a"), (b"2", b"b"), (b"1", b"c"), None, (b"3", None),
    ]  # fmt: skip
    first, second = found
    assert second.position.reached(first.position)
    assert not first.position.reached(second.position)
    assert 0 < first.commit_time <= second.commit_time
    assert all((one.first, one.last, one.substantive, one.idle, one.echo) == (True, True, True, False, False)
               for one in found)  # fmt: skip
    assert all(one.path == () for one in found)


def test_a_moved_key_comes_with_the_old_one(rig: SourceRig, reading: Reading) -> None:
    """The old row holds the key that the row had, whatever else of it was logged."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    rig.commit("UPDATE t SET id = 7 WHERE id = 1")
    operation, old, new = read_changes(reading)[-1]
    assert (operation, old[0], new[0]) == (UPDATE, b"1", b"7")  # type: ignore[index]


def test_what_was_rolled_back_never_comes(rig: SourceRig, reading: Reading) -> None:
    """Between two commits nothing of it is to be seen."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    rig.roll_back("INSERT INTO t VALUES (2, 'never')", "DELETE FROM t WHERE id = 1")
    rig.commit("INSERT INTO t VALUES (3, 'c')")
    assert read_keys(reading) == [1, 3]


def test_a_large_transaction_comes_in_parts(rig: SourceRig, reading: Reading) -> None:
    """Bounded ones; only the first is first, only the last has a position, and no row is missing or twice."""
    rig.commit(LARGE, "INSERT INTO t VALUES (1, 'a')")
    rig.commit("INSERT INTO t VALUES (2, 'b')")
    *parts, after = ours(reading)
    rest = len(parts) - 1
    assert rest >= 2
    assert [one.first for one in parts] == [True] + [False] * rest
    assert [one.last for one in parts] == [False] * rest + [True]
    assert [one.position is None for one in parts] == [True] * rest + [False]
    assert all(0 < one.size < 2 * PART_BYTES for one in parts)
    assert keys([change for one in parts for change in changes_of(one)]) == [*range(200), 1]
    assert (after.first, after.last, keys(changes_of(after))) == (True, True, [2])


def test_a_truncate_stands_between_the_rows_around_it(rig: SourceRig, reading: Reading) -> None:
    """It names its table, and is no row."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    rig.commit("TRUNCATE TABLE t")
    rig.commit("INSERT INTO t VALUES (1, 'b')")
    pieces = [piece for one in ours(reading) for piece in one.pieces]
    assert [type(piece) for piece in pieces] == [Rows, Truncate, Rows]
    assert pieces[1] == Truncate(((rig.schema, "t"),))


def test_a_table_that_is_altered_in_mid_stream_is_another_version(rig: SourceRig, reading: Reading) -> None:
    """Rows are decoded with the columns that they were written with, also where both wait in the log together."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    rig.commit("ALTER TABLE t ADD COLUMN w VARCHAR(40)")
    rig.commit("INSERT INTO t VALUES (2, 'b', 'w')")
    rig.commit("ALTER TABLE t DROP COLUMN v")
    rig.commit("INSERT INTO t VALUES (3, 'x')")
    found = ours(reading)
    assert [row for _, _, row in read_changes(reading)] == [(b"1", b"a"), (b"2", b"b", b"w"), (b"3", b"x")]
    versions = tables_of(found)
    assert [[column.name for column in table.columns] for table in versions] == [
        ["id", "v"],
        ["id", "v", "w"],
        ["id", "w"],
    ]
    assert len(set(map(id, versions))) == 3


def test_a_table_that_is_not_altered_stays_the_same_object(rig: SourceRig, reading: Reading) -> None:
    """Plans are compiled for each version: rows of two transactions must not make two."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    rig.commit("INSERT INTO big VALUES (1, 'a')")
    rig.commit("INSERT INTO t VALUES (2, 'b')")
    first, other, again = tables_of(ours(reading))
    assert first is again
    assert other is not first
    assert (first.key, other.full_name) == ((0,), (rig.schema, "big"))


# --- what does not come, but moves the position


def test_transactions_of_no_route_advance(rig: SourceRig, reading: Reading) -> None:
    """Their rows are not kept, their position is; so is that of one that is routed only in part."""
    rig.commit("INSERT INTO unrouted VALUES (1, 'a')")
    end = reading.source.current_position()
    passed = [one for one in reading.until_now() if one.substantive and not one.pieces]
    assert passed
    assert all((one.size, one.echo) == (0, False) for one in passed)
    assert reading.position().reached(end)
    rig.commit("INSERT INTO unrouted VALUES (2, 'b')", "INSERT INTO t VALUES (3, 'c')")
    assert read_keys(reading) == [3]


def test_echoes_are_dropped_and_their_position_is_kept(rig: SourceRig, reading: Reading) -> None:
    """What an agent brought by way of the target is empty, and where it ends the log can be read from."""
    name = uuid4().hex
    rig.commit_as_agent((TARGET, name), "t", (b"1", b"echo"))
    rig.commit("INSERT INTO t VALUES (2, 'b')")
    (echo,) = [one for one in reading.until_now() if name in one.path]
    assert (echo.echo, echo.pieces, echo.substantive, echo.path) == (True, [], True, (TARGET, name))
    assert read_keys(reading) == [2]
    reading.stop()
    reading.start(position_of(echo), routed(rig))
    assert read_keys(reading) == [2]


def test_what_an_agent_brought_from_elsewhere_goes_on(rig: SourceRig, reading: Reading) -> None:
    """With the path that it came along; the next transaction has none."""
    rig.commit_as_agent(("third", "hub"), "t", (b"1", b"a"), (b"2", b"b"))
    rig.commit("INSERT INTO t VALUES (3, 'c')")
    first, second = ours(reading)
    assert (first.path, first.echo, keys(changes_of(first))) == (("third", "hub"), False, [1, 2])
    assert (second.path, second.echo, keys(changes_of(second))) == ((), False, [3])


# --- positions


def position_of(transaction: Transaction) -> Position:
    assert transaction.position is not None
    return transaction.position


def test_the_log_can_be_read_again_from_every_position(rig: SourceRig, reading: Reading) -> None:
    """What was committed behind it comes, all of it, once: also behind echoes, parts and what no route takes."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    rig.commit("INSERT INTO unrouted VALUES (1, 'a')")
    rig.commit(LARGE)
    rig.commit_as_agent((TARGET,), "t", (b"1000", b"echo"))
    rig.commit("UPDATE t SET v = 'b' WHERE id = 1", "INSERT INTO t VALUES (2, 'b')")
    found = reading.until_now()
    reading.stop()
    rig.commit("DELETE FROM t WHERE id = 1")
    places = [(rig.beginning, 0), *[(one.position, place) for place, one in enumerate(found, 1) if one.position]]
    for position, place in places:
        behind = keys([change for one in found[place:] for change in changes_of(one)])
        reading.start(position, routed(rig))
        assert read_keys(reading) == [*behind, 1], str(position)
        reading.stop()


def test_a_connection_that_breaks_is_no_loss(rig: SourceRig, reading: Reading) -> None:
    """The reader ends with an error after which another try makes sense, and goes on from its last position."""
    for number in (1, 2):
        rig.commit(f"INSERT INTO t VALUES ({number}, 'x')")
        assert read_keys(reading) == [number]
        position = reading.position()
        rig.cut()
        assert isinstance(reading.failure(), SourceUnavailable)
        reading.stop()
        reading.start(position, routed(rig))
    rig.commit("INSERT INTO t VALUES (3, 'x')")
    assert read_keys(reading) == [3]


def test_a_position_that_the_log_never_had_is_loud(rig: SourceRig) -> None:
    """Ahead of its end, or of another server's: nothing is read, neither from there nor from the end."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    for position in rig.never_reached():
        with pytest.raises(LogGone):
            rig.reading.start(position, routed(rig))
    rig.reading.start(rig.beginning, routed(rig))
    assert read_keys(rig.reading) == [1]


def test_what_is_not_acknowledged_stays(rig: SourceRig, reading: Reading) -> None:
    """Acknowledged or not, all behind a position that was acknowledged can be read; from before it all or nothing."""
    for number in range(1, 5):
        rig.commit(f"INSERT INTO t VALUES ({number}, 'x')")
    first, second, *_ = [position_of(one) for one in ours(reading)]
    reading.source.acknowledge(second)
    reading.source.acknowledge(first)
    rig.commit("INSERT INTO t VALUES (5, 'x')")
    assert read_keys(reading) == [1, 2, 3, 4, 5]
    reading.stop()
    reading.start(second, routed(rig))
    assert read_keys(reading) == [3, 4, 5]
    reading.stop()
    try:
        reading.start(first, routed(rig))
    except LogGone:
        return
    assert read_keys(reading) == [2, 3, 4, 5]


# --- the reader's thread


def test_reading_stops_when_it_is_told_to(rig: SourceRig, reading: Reading) -> None:
    """An idle reader and one that has just read; a second stop and a second close change nothing."""
    reading.stop()
    assert reading.error is None
    reading.start(rig.beginning, routed(rig))
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    assert read_keys(reading) == [1]
    reading.stop()
    reading.stop()
    reading.source.close()
    assert reading.error is None


def test_closing_unblocks_reading(reading: Reading) -> None:
    """From another thread, without a stop and without an error."""
    reading.until_now()
    reading.source.close()
    reading.wait_for_end()
    assert reading.error is None


def test_a_reader_that_waits_for_room_goes_on_where_it_was(rig: SourceRig, reading: Reading) -> None:
    """While the queue is full nothing is handed over; then everything is, in order."""
    reading.until_now()
    reading.hold.clear()
    before = len(reading.emitted)
    rig.commit(LARGE)
    for number in range(1, 4):
        rig.commit(f"INSERT INTO t VALUES ({number}, 'x')")
    assert len(reading.emitted) == before
    reading.hold.set()
    assert read_keys(reading) == [*range(200), 1, 2, 3]


def test_a_source_that_was_not_started_cannot_read(rig: SourceRig) -> None:
    """It says so instead of waiting."""
    with pytest.raises(SourceUnavailable):
        rig.reading.source.read(lambda transaction: None, lambda: False)


# --- rows as they are now


def test_a_row_is_read_again_as_it_is_now(rig: SourceRig, reading: Reading) -> None:
    """By its key, in the columns of the version that asks; None when there is none."""
    rig.commit("INSERT INTO t VALUES (1, 'a'), (2, NULL)")
    rig.commit("UPDATE t SET v = 'later' WHERE id = 1")
    (table, *_) = tables_of(ours(reading))
    assert reading.source.reread(table, {"id": b"1"}) == (b"1", b"later")
    assert reading.source.reread(table, {"id": b"2"}) == (b"2", None)
    assert reading.source.reread(table, {"id": b"3"}) is None


def test_columns_that_are_gone_are_unsent(rig: SourceRig, reading: Reading) -> None:
    """A version of the table that has been left behind can still be asked for."""
    rig.commit("INSERT INTO t VALUES (1, 'a')")
    (table,) = tables_of(ours(reading))
    rig.commit("ALTER TABLE t ADD COLUMN w VARCHAR(40)")
    rig.commit("ALTER TABLE t DROP COLUMN v")
    assert reading.source.reread(table, {"id": b"1"}) == (b"1", UNSENT)


def test_what_was_handed_over_is_visible_once_it_is_settled(rig: SourceRig, reading: Reading) -> None:
    """A row is read again as the log has it, at the latest: also right after it was handed over."""
    for number in range(20):
        rig.commit(f"INSERT INTO t VALUES ({number}, 'x')")
        wait_until(lambda number=number: number in keys([c for t in list(reading.emitted) for c in changes_of(t)]))
        reading.source.settle()
        (table, *_) = tables_of(reading.emitted)
        assert reading.source.reread(table, {"id": b"%d" % number}) == (b"%d" % number, b"x")


def test_keys_whose_actions_are_not_logged_are_named(any_source: Server | MemoryServer) -> None:
    """Where foreign keys may act without a word in the log, they are told; where all is logged, none is."""
    rig = open_source(
        any_source,
        "CREATE TABLE parents (id INT NOT NULL PRIMARY KEY)",
        "CREATE TABLE children (id INT NOT NULL PRIMARY KEY, parent_id INT, "
        "CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE CASCADE)",
    )
    try:
        found = [name for name, key in rig.reading.source.unlogged_keys(lambda name: name[0] == rig.schema)]
        assert found == ([] if any_source.is_postgres else [(rig.schema, "children")])
    finally:
        rig.close()
