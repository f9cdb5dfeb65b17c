"""Rows that are read again: what becomes of them when they are gone, or when the mapping rejects them whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cdc_agent.config.model import RouteSettings
from cdc_agent.flow.completing import Completion, Reread, mend
from cdc_agent.flow.runs import Run
from cdc_agent.mapping.plans import bind
from cdc_agent.model.changes import INSERT, UPDATE, Change, Table
from cdc_agent.model.positions import Lsn
from cdc_agent.model.refusals import RejectedChange
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Row, Type, Value
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Plan, Write, Writes, join
from tests.support.mapping import Log, transaction

INT = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
SHORT = Type(Kind.TEXT, "character varying(3)", length=3)
LOG = Log()
NOTES = LOG.table("notes", ("id", INT), ("title", TEXT), ("body", TEXT))
COLUMNS = {"id": "id", "title": "title", "all": "CONCAT(title, body)"}
INTO = TargetTable(
    "public",
    "notes",
    (TargetColumn("id", INT, False, False), TargetColumn("title", SHORT, True, False), TargetColumn("all", TEXT, True, False)),
    ("id",),
)  # fmt: skip
MOVED: Change = (UPDATE, (b"1", UNSENT, UNSENT), (b"2", b"new", UNSENT))
STAYS: Change = (UPDATE, None, (b"1", b"new", UNSENT))


def plan(table: Table = NOTES, *, before_image: bool = False, **settings: Any) -> Plan:
    route = RouteSettings.model_validate({"from": "public.notes", "to": "notes", "columns": COLUMNS, **settings})
    return bind(
        route,
        table,
        INTO,
        source_engine="postgresql",
        target_engine="postgresql",
        source_zone="UTC",
        target_zone="UTC",
        before_image=before_image,
    )


def run(made: Plan, *changes: Change) -> Run:
    return Run(NOTES, [made], [(transaction(7), LOG.rows(NOTES, changes))], joins=False)


def holding(*rows: Row) -> Reread:
    """A source with these rows."""

    def reread(table: Table, key: Mapping[str, Value]) -> Row | None:
        return next((row for row in rows if row[0] == key["id"]), None)

    return reread


def mended(made: Plan, change: Change, reread: Reread) -> list[Write | RejectedChange]:
    found: list[Write | RejectedChange] = []
    for one in mend(run(made, change), made, reread):
        found.extend(one.rows if isinstance(one, Writes) else [one])
    return found


def test_what_the_log_did_not_send_is_read_again() -> None:
    """Only that: what it sent stays."""
    assert mended(plan(), MOVED, holding((b"2", b"newer", b" body"))) == [
        (CHANGE, (b"1",), (b"2", b"new", b"new body"))
    ]


def test_a_row_that_is_gone_leaves_its_old_key() -> None:
    """The change that made it go names the new key; until then it holds what the log sent."""
    assert mended(plan(), MOVED, holding()) == [(CHANGE, (b"1",), (b"2", b"new", UNSENT))]
    assert mended(plan(), STAYS, holding()) == [(CHANGE, (b"1",), (b"1", b"new", UNSENT))]
    assert mended(plan(), (INSERT, None, (b"1", b"new", UNSENT)), holding()) == []


def test_a_row_that_is_gone_leaves_its_old_key_though_the_new_one_does_not_fit() -> None:
    """No later change can find it under a key that the target cannot hold."""
    keyed = LOG.table("keyed", ("id", INT), ("title", TEXT), ("body", TEXT), key=(1,))
    made = plan(keyed, columns={"all": "CONCAT(title, body)", "title": "title"}, key=["title"])
    change: Change = (UPDATE, (UNSENT, b"old", UNSENT), (b"1", b"too long", UNSENT))
    rows = Run(keyed, [made], [(transaction(7), LOG.rows(keyed, [change]))], joins=False)
    (left,) = mend(rows, made, lambda table, key: None)
    assert isinstance(left, Writes)
    assert list(left.rows) == [(REMOVE, (b"old",), None)]


@pytest.mark.parametrize(("change", "key"), [(MOVED, b"1"), (STAYS, b"1")])
def test_a_row_that_is_gone_before_its_filter_could_be_asked_is_removed(change: Change, key: bytes) -> None:
    """Whether it was to stay nobody can say any more, and the change that removed it may be outside the filter."""
    assert mended(plan(where="body = 'x'"), change, holding()) == [(REMOVE, (key,), None)]


def test_a_completed_row_that_is_rejected_is_not_lost() -> None:
    """A partial row whose target row is missing is read again; when it does not fit, it is kept with its transaction."""
    made = plan(columns={"id": "id", "title": "title", "all": "body"})
    partial: Change = (UPDATE, None, (b"1", UNSENT, b"body"))
    completion = Completion([run(made, partial)], holding((b"1", b"too long", b"body")))
    assert completion(made.binding, (b"1",)) is None
    (kept,) = completion.rejected()
    assert (kept.column, kept.operation, kept.provenance.position) == ("title", "update", Lsn(7))
    assert kept.new == {"id": "1", "title": "too long", "body": "body"}


def test_a_row_that_fits_when_it_is_read_once_more_is_not_kept() -> None:
    """A batch is tried twice, and the source goes on meanwhile."""
    rows = [(b"1", b"too long", b"body")]
    made = plan(columns={"id": "id", "title": "title", "all": "body"})
    completion = Completion([run(made, (UPDATE, None, (b"1", UNSENT, b"body")))], lambda table, key: rows[0])
    assert completion(made.binding, (b"1",)) is None
    rows[0] = (b"1", b"fit", b"body")
    assert completion(made.binding, (b"1",)) == (b"1", b"fit", b"body")
    assert completion.rejected() == []


def test_a_before_image_is_the_old_row_through_the_same_columns() -> None:
    """What the log did not send of it, or what the target could not hold, is not known."""
    made = plan(before_image=True)
    assert made.before is not None
    changes: list[Change] = [
        (INSERT, None, (b"1", b"a", b"b")),
        (UPDATE, None, (b"1", b"a", b"b")),
        (UPDATE, (b"1", b"old", b"!"), (b"1", b"a", b"b")),
        (UPDATE, (b"1", UNSENT, UNSENT), (b"2", b"a", b"b")),
        (UPDATE, (b"1", b"too long", b"!"), (b"1", b"a", b"b")),
    ]
    assert made.before(changes) == [
        None,
        None,
        (b"1", b"old", b"old!"),
        (b"1", UNSENT, UNSENT),
        (b"1", UNSENT, b"too long!"),
    ]
    assert plan().before is None


def test_before_images_stay_with_their_writes() -> None:
    """Whatever a filter leaves out, and whichever part of a run is looked at."""
    made = plan(before_image=True, where="title <> 'no'")
    changes: list[Change] = [
        (INSERT, None, (b"1", b"a", b"x")),
        (INSERT, None, (b"2", b"no", b"x")),
        (UPDATE, (b"3", b"was", b"x"), (b"3", b"is", b"x")),
        (UPDATE, (b"4", b"was", b"x"), (b"4", b"no", b"x")),
    ]
    writes = run(made, *changes).writes(made, changes, [])
    assert [row[0] for row in writes.rows] == [UPSERT, CHANGE, REMOVE]
    assert writes.before == [None, (b"3", b"was", b"wasx"), (b"4", b"was", b"wasx")]
    assert join([writes, writes.part(1, 3)]).part(2, 5).before == [writes.before[2], *writes.before[1:]]
    (mended_writes,) = mend(run(made, changes[2]), made, holding())
    assert isinstance(mended_writes, Writes)
    assert mended_writes.before == [(b"3", b"was", b"wasx")]
