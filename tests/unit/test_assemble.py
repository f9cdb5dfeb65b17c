"""Messages become transactions: whole or in bounded parts, echoes dropped, nothing lost with them."""

from __future__ import annotations

from collections.abc import Sequence

from cdc_agent.model import echo
from cdc_agent.model.changes import INSERT, Change, Column, Identity, Rows, Table, TableName, Transaction, Truncate
from cdc_agent.model.positions import Lsn
from cdc_agent.model.values import Kind, Type
from cdc_agent.sources.assemble import Assembler

TEXT = Type(Kind.TEXT, "text")
MARKER_COLUMNS = ("pipeline", "generation", "transactions", "position", "path", "mark")


def _no_rows(messages: Sequence[bytes]) -> list[Change]:
    raise AssertionError("the assembler decodes no business row")


def _marker_rows(messages: Sequence[bytes]) -> list[Change]:
    return [(INSERT, None, tuple(message.split(b"\0"))) for message in messages]


def table(name: str, schema: str = "public", columns: tuple[str, ...] = ("id",)) -> Table:
    decode = _marker_rows if schema == echo.SCHEMA else _no_rows
    return Table(schema, name, tuple(Column(c, TEXT) for c in columns), (0,), Identity.KEY, decode)


T = table("t")
U = table("u")
CHECKPOINT = table("checkpoint", echo.SCHEMA, MARKER_COLUMNS)
HISTORY = table("checkpoint_history", echo.SCHEMA)


def marker(path: tuple[str, ...], count: int = 1, pipeline: str = "far-to-near") -> bytes:
    text = echo.path_text(path)
    mark = echo.mark(pipeline, 1, count, "lsn:0/1", text)
    return "\0".join((pipeline, "1", str(count), "lsn:0/1", text, mark)).encode()


class Run:
    """An assembler whose target is ``far``."""

    def __init__(self, part_bytes: int = 1000) -> None:
        self.emitted: list[Transaction] = []
        self.reports: list[tuple[str, TableName]] = []
        self.assembler = Assembler(
            self.emitted.append,
            target="far",
            report=lambda event, name: self.reports.append((event, name)),
            part_bytes=part_bytes,
        )

    def commit(self, position: int = 1) -> Transaction:
        self.assembler.commit(Lsn(position), 12.5)
        return self.emitted[-1]


def test_rows_of_one_table_version_stay_together_in_order() -> None:
    """A piece ends where the table changes or a TRUNCATE stands; a second version of a table is another table."""
    run = Run()
    run.assembler.begin()
    later = table("t")
    for one, message in ((T, b"1"), (T, b"2"), (U, b"3"), (T, b"4"), (later, b"5")):
        run.assembler.rows(one, message)
    run.assembler.truncate(Truncate((("public", "t"),)))
    run.assembler.rows(later, b"6")
    transaction = run.commit(7)
    found = [(p.table, p.messages) if isinstance(p, Rows) else p.tables for p in transaction.pieces]
    assert found == [
        (T, [b"1", b"2"]),
        (U, [b"3"]),
        (T, [b"4"]),
        (later, [b"5"]),
        (("public", "t"),),
        (later, [b"6"]),
    ]
    assert (transaction.position, transaction.commit_time, transaction.size) == (Lsn(7), 12.5, 6)
    assert (transaction.first, transaction.last, transaction.substantive) == (True, True, True)


def test_a_large_transaction_is_handed_over_in_parts() -> None:
    """Parts leave as soon as they are full; the last one has the position, and a new transaction is first again."""
    run = Run(part_bytes=10)
    run.assembler.begin()
    for _ in range(5):
        run.assembler.rows(T, b"12345")
    assert [(t.first, t.last, t.position, t.size) for t in run.emitted] == [
        (True, False, None, 10),
        (False, False, None, 10),
    ]
    last = run.commit(3)
    assert (last.first, last.last, last.position, last.size, last.substantive) == (False, True, Lsn(3), 5, True)
    run.assembler.begin()
    assert run.commit(4).first


def test_a_transaction_without_an_end_is_forgotten() -> None:
    """What a begin finds pending was never committed."""
    run = Run()
    run.assembler.begin()
    run.assembler.rows(T, b"1")
    run.assembler.begin()
    assert run.commit().pieces == []


def test_an_echo_keeps_its_position_only() -> None:
    """From the marker on nothing is kept, and the transaction still counts as one that must be passed."""
    run = Run()
    run.assembler.begin()
    run.assembler.own(CHECKPOINT, marker(("far",)))
    assert run.assembler.dropping
    run.assembler.rows(T, b"1")
    run.assembler.truncate(Truncate((("public", "t"),)))
    transaction = run.commit(9)
    assert (transaction.pieces, transaction.echo, transaction.path, transaction.position) == (
        [],
        True,
        ("far",),
        Lsn(9),
    )
    assert transaction.substantive
    run.assembler.begin()
    assert not run.assembler.dropping


def test_what_came_another_way_goes_on_with_its_path() -> None:
    """Changes that an agent brought from elsewhere are kept, and say where they were."""
    run = Run()
    run.assembler.begin()
    run.assembler.own(CHECKPOINT, marker(("third", "hub")))
    run.assembler.own(HISTORY, b"x")
    run.assembler.rows(T, b"1")
    transaction = run.commit()
    assert (transaction.echo, transaction.path, len(transaction.pieces)) == (False, ("third", "hub"), 1)
    assert not run.reports


def test_a_checkpoint_that_moves_alone_is_not_substantive() -> None:
    """Two idle databases must not wake each other for ever with their own checkpoints."""
    run = Run()
    run.assembler.begin()
    run.assembler.own(CHECKPOINT, marker(("far",)))
    assert not run.commit().substantive
    run.assembler.begin()
    run.assembler.skipped()
    assert run.commit().substantive


def test_a_marker_counts_once_and_first_only() -> None:
    """A repeated mark, one behind rows, a damaged one, another cdc_agent table: a person's work, and reported."""
    run = Run()
    run.assembler.begin()
    run.assembler.own(CHECKPOINT, marker(("far",)))
    run.commit()
    for write in (
        lambda: run.assembler.own(CHECKPOINT, marker(("far",))),
        lambda: (run.assembler.rows(T, b"1"), run.assembler.own(CHECKPOINT, marker(("far",), 2))),
        lambda: run.assembler.own(CHECKPOINT, marker(("far",), 3)[:-1]),
        lambda: run.assembler.own(HISTORY, b"x"),
    ):
        run.reports.clear()
        run.assembler.begin()
        write()
        run.assembler.rows(T, b"2")
        transaction = run.commit()
        assert (transaction.echo, transaction.path) == (False, ())
        assert transaction.pieces
        assert [event for event, _ in run.reports] == ["foreign_checkpoint_write"]


def test_two_pipelines_into_one_database_have_marks_of_their_own() -> None:
    """A repeated mark is seen as such although another pipeline has written meanwhile."""
    run = Run()
    for pipeline in ("far-to-near", "third-to-near", "far-to-near"):
        run.assembler.begin()
        run.assembler.own(CHECKPOINT, marker(("far",), pipeline=pipeline))
        run.assembler.rows(T, b"1")
        run.commit()
    assert [t.echo for t in run.emitted] == [True, True, False]


def test_a_logical_message_marks_its_transaction() -> None:
    """The message alone is enough, when the checkpoint table is not published."""
    run = Run()
    run.assembler.begin()
    run.assembler.message(echo.path_text(("far",)).encode())
    run.assembler.rows(T, b"1")
    assert run.commit().echo


def test_a_message_that_is_no_path_or_not_first_is_reported() -> None:
    """Rows that were kept before it cannot be taken back, so it marks nothing."""
    run = Run()
    run.assembler.begin()
    run.assembler.message(b"\xff")
    run.assembler.rows(T, b"1")
    assert not run.commit().echo
    run.assembler.begin()
    run.assembler.rows(T, b"1")
    run.assembler.message(echo.path_text(("far",)).encode())
    run.assembler.rows(T, b"2")
    transaction = run.commit()
    assert (transaction.echo, transaction.size) == (False, 2)
    assert len(run.reports) == 2


def test_an_idle_position_is_no_transaction() -> None:
    """How far an idle log was read is told apart from a transaction."""
    run = Run()
    run.assembler.idle(Lsn(8))
    (transaction,) = run.emitted
    assert (transaction.idle, transaction.substantive, transaction.position, transaction.pieces) == (
        True,
        False,
        Lsn(8),
        [],
    )
