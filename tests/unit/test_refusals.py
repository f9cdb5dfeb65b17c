"""What is kept of a change that was rejected and of a write that was refused: images, keys, and where it came from."""

from __future__ import annotations

from typing import Final

import pytest

from cdc_agent.errors import RowRefused
from cdc_agent.flow.runs import Run
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change
from cdc_agent.model.positions import Lsn
from cdc_agent.model.refusals import Image, Quarantined, RefusedWrite, RejectedChange
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Type
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Binding, Provenance, Rejection, Write, Writes, join
from tests.support.mapping import Log, transaction

TEXT: Final = Type(Kind.TEXT, "text")
COLUMNS: Final = tuple(TargetColumn(name, TEXT, nullable=True, has_default=False) for name in ("id", "name"))
BINDING: Final = Binding(TargetTable("crm", "customers", COLUMNS, ("id",)), COLUMNS, (0,), source=("public", "people"))
LOG: Final = Log()
PEOPLE: Final = LOG.table("people", ("id", TEXT), ("name", TEXT))
AT: Final = Provenance(Lsn(7), 12.5, ("hub",))


@pytest.mark.parametrize(
    ("change", "old_key", "new_key"),
    [
        ((INSERT, None, (b"1", b"Ann")), None, {"id": "1"}),
        ((UPDATE, None, (b"1", b"Ann")), {"id": "1"}, {"id": "1"}),
        ((UPDATE, (b"1", UNSENT), (b"2", b"Ann")), {"id": "1"}, {"id": "2"}),
        ((UPDATE, (b"1", UNSENT), (UNSENT, b"Ann")), {"id": "1"}, {"id": "1"}),
        ((DELETE, (b"1", UNSENT), None), {"id": "1"}, None),
    ],
)
def test_a_rejected_change_names_both_keys(change: Change, old_key: Image | None, new_key: Image | None) -> None:
    """Whatever the log sent of it, the row before and after the change can be found again."""
    kept = RejectedChange.of(PEOPLE, BINDING, Rejection(change, "name", "too long", "CV001"), AT)
    assert (kept.old_key, kept.new_key) == (old_key, new_key)
    assert (kept.source, kept.target) == ("public.people", "crm.customers")
    assert kept.provenance is AT


def test_a_table_without_a_key_has_no_keys() -> None:
    """The images are all there is."""
    loose = LOG.table("loose", ("line", TEXT), key=())
    kept = RejectedChange.of(loose, BINDING, Rejection((UPDATE, (b"a",), (b"b",)), None, "", "CV001"), AT)
    assert (kept.old, kept.new, kept.old_key, kept.new_key) == ({"line": "a"}, {"line": "b"}, None, None)


@pytest.mark.parametrize(
    ("write", "operation", "old_key", "new_key"),
    [
        ((UPSERT, (b"1",), (b"1", b"Ann")), "insert", None, {"id": "1"}),
        ((CHANGE, (b"1",), (b"2", UNSENT)), "update", {"id": "1"}, {"id": "2"}),
        ((CHANGE, (b"1",), (UNSENT, b"Ann")), "update", {"id": "1"}, {"id": "1"}),
        ((REMOVE, (b"1",), None), "delete", {"id": "1"}, None),
    ],
)
def test_a_refused_write_names_both_keys(
    write: Write, operation: str, old_key: Image | None, new_key: Image | None
) -> None:
    """They are the target row's, and the table that it came from is named."""
    kept = RefusedWrite.of(Writes(BINDING, [write], lambda index: AT), RowRefused("check n_small failed"))
    assert (kept.operation, kept.old_key, kept.new_key) == (operation, old_key, new_key)
    assert (kept.source, kept.target, kept.code) == ("public.people", "crm.customers", "TG004")
    assert kept.provenance is AT


def test_what_is_kept_is_json_without_unsent_columns() -> None:
    """NULL is null, a column that was not sent is absent, and bytes that are no UTF-8 are escaped."""
    change: Change = (UPDATE, (b"1", UNSENT), (b"2", None))
    kept = Quarantined.of(RejectedChange.of(PEOPLE, BINDING, Rejection(change, "name", "is NULL", "CV002"), AT))
    assert (kept.old_row, kept.new_row) == ('{"id": "1"}', '{"id": "2", "name": null}')
    assert (kept.old_key, kept.new_key, kept.row) == ('{"id": "1"}', '{"id": "2"}', kept.new_row)
    assert (kept.position, kept.source_commit_time) == ("lsn:0/7", 12.5)
    odd: Change = (DELETE, (b"\xff", UNSENT), None)
    kept = Quarantined.of(RejectedChange.of(PEOPLE, BINDING, Rejection(odd, None, "", "CV003"), Provenance()))
    assert (kept.row, kept.position) == ('{"id": "\\\\xff"}', "")


def test_writes_that_were_joined_and_cut_still_know_their_transactions() -> None:
    """Messages hold any number of rows; a part of several joined runs traces each row to where it came from."""
    rows: list[Change] = [(INSERT, None, (b"%d" % number, None)) for number in range(6)]
    first = Run(
        PEOPLE,
        [],
        [(transaction(1), LOG.rows(PEOPLE, rows[:2])), (transaction(2), LOG.rows(PEOPLE, [], rows[2:3]))],
        True,
    )
    second = Run(PEOPLE, [], [(transaction(3), LOG.rows(PEOPLE, rows[3:5], rows[5:]))], True)
    writes: list[Write] = [(UPSERT, (key,), (key, None)) for key in (b"%d" % number for number in range(6))]
    joined = join([Writes(BINDING, writes[:3], first.provenance), Writes(BINDING, writes[3:], second.provenance)])
    ends = [1, 1, 2, 3, 3, 3]
    assert [joined.provenance(index).position for index in range(6)] == [Lsn(end) for end in ends]
    part = joined.part(1, 5).part(1, 3)
    assert list(part.rows) == writes[2:4]
    assert [part.provenance(index).position for index in range(2)] == [Lsn(2), Lsn(3)]
