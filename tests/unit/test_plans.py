"""Plans: what becomes of inserts, updates and deletes under a route's columns, filter, key and policies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cdc_agent.config.model import RouteSettings
from cdc_agent.conversions.convert import Context
from cdc_agent.errors import ColumnGone, ExpressionError, LogUnusable, TargetSchemaError, ValueRefused
from cdc_agent.mapping.plans import UNSENT_CODE, bind, findings
from cdc_agent.model.changes import DELETE, INSERT, UPDATE, Change, Column, Identity, Table
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import UNSENT, Kind, Type
from cdc_agent.model.writes import CHANGE, REMOVE, UPSERT, Plan, Rejection, Write

INT = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "text")
BOOL = Type(Kind.BOOL, "boolean")
SHORT = Type(Kind.TEXT, "character varying(3)", length=3)


def source(*columns: tuple[str, Type], key: Sequence[int] = (0,), identity: Identity = Identity.KEY) -> Table:
    described = tuple(Column(name, type_) for name, type_ in columns)
    return Table("public", "contacts", described, tuple(key), identity, lambda messages: [])


def target(
    *columns: TargetColumn, key: tuple[str, ...] = ("id",), unique: tuple[tuple[str, ...], ...] = ()
) -> TargetTable:
    return TargetTable("crm", "customers", columns, key, unique)


def column(name: str, type_: Type, *, nullable: bool = True, **more: bool) -> TargetColumn:
    return TargetColumn(name, type_, nullable, more.pop("has_default", False), **more)


CONTACTS = source(("id", INT), ("name", TEXT), ("vip", BOOL))
CUSTOMERS = target(column("id", INT, nullable=False), column("name", TEXT), column("vip", BOOL))


def plan(
    table: Table = CONTACTS, into: TargetTable = CUSTOMERS, *, engine: str = "postgresql", **settings: Any
) -> Plan:
    route = RouteSettings.model_validate({"from": "public.contacts", "to": "crm.customers", **settings})
    return bind(
        route, table, into, source_engine="postgresql", target_engine=engine, source_zone="UTC", target_zone="UTC"
    )


def mapped(made: Plan, *changes: Change) -> tuple[list[Write], list[Rejection]]:
    rejections: list[Rejection] = []
    return made.map(changes, rejections), rejections


def writes(made: Plan, *changes: Change) -> list[Write]:
    found, rejections = mapped(made, *changes)
    assert not rejections
    return found


ROW = (b"1", b"Ann", b"t")


def test_rows_of_equal_tables_pass_as_they_are() -> None:
    """Without `columns` every column goes to the one of its name."""
    made = plan()
    assert writes(made, (INSERT, None, ROW)) == [(UPSERT, (b"1",), ROW)]
    assert writes(made, (UPDATE, None, ROW)) == [(CHANGE, (b"1",), ROW)]
    assert writes(made, (DELETE, (b"1", UNSENT, UNSENT), None)) == [(REMOVE, (b"1",), None)]


def test_a_moved_key_names_the_row_by_its_old_key() -> None:
    """The old row's key says which target row to change."""
    old = (b"1", UNSENT, UNSENT)
    assert writes(plan(), (UPDATE, old, (b"2", b"Ann", b"t"))) == [(CHANGE, (b"1",), (b"2", b"Ann", b"t"))]


def test_a_row_that_moves_takes_nothing_along_that_was_not_sent() -> None:
    """Under the old key the target may hold a later row that was read again there: its columns are not this row's."""
    rejections: list[Rejection] = []
    moved = (UPDATE, (b"1", UNSENT, UNSENT), (b"2", b"Ann", UNSENT))
    assert plan().map([moved], rejections) == []
    assert [one.code for one in rejections] == [UNSENT_CODE]


def test_expressions_fill_columns() -> None:
    """A target column is what its expression says."""
    made = plan(columns={"id": "id + 100", "name": "UPPER(TRIM(name))", "vip": "NOT vip"})
    assert writes(made, (INSERT, None, (b"1", b" Ann ", b"t"))) == [(UPSERT, (b"101",), (b"101", b"ANN", b"f"))]
    assert writes(made, (DELETE, (b"1", UNSENT, UNSENT), None)) == [(REMOVE, (b"101",), None)]


def test_constants_fill_columns() -> None:
    """Numbers, booleans and null in the configuration are constants."""
    made = plan(columns={"id": "id", "name": "'x'", "vip": True})
    assert writes(made, (INSERT, None, ROW)) == [(UPSERT, (b"1",), (b"1", b"x", b"t"))]
    assert writes(plan(columns={"id": "id", "name": None}), (INSERT, None, ROW)) == [(UPSERT, (b"1",), (b"1", None))]


def test_columns_are_renamed_and_reordered() -> None:
    """A plain column reference passes the bytes on under another name."""
    made = plan(columns={"vip": "vip", "id": "id"})
    assert writes(made, (INSERT, None, ROW)) == [(UPSERT, (b"1",), (b"t", b"1"))]
    assert made.binding.key == (1,)


def test_the_filter_decides_inserts() -> None:
    """A row outside the filter is not inserted; NULL is outside."""
    made = plan(where="vip")
    assert writes(
        made, (INSERT, None, ROW), (INSERT, None, (b"2", b"B", b"f")), (INSERT, None, (b"3", b"C", None))
    ) == [(UPSERT, (b"1",), ROW)]


def test_a_row_that_leaves_the_filter_is_removed() -> None:
    """An update that puts the row outside removes it on the target."""
    assert writes(plan(where="vip"), (UPDATE, None, (b"1", b"A", b"f"))) == [(REMOVE, (b"1",), None)]


def test_a_row_that_enters_the_filter_is_inserted() -> None:
    """With the old row known to be outside the whole row is written."""
    table = source(("id", INT), ("name", TEXT), ("vip", BOOL), identity=Identity.FULL)
    made = plan(table, where="vip")
    assert writes(made, (UPDATE, (b"1", b"A", b"f"), ROW)) == [(UPSERT, (b"1",), ROW)]
    assert writes(made, (UPDATE, (b"1", b"A", b"t"), ROW)) == [(CHANGE, (b"1",), ROW)]
    assert writes(made, (UPDATE, (b"1", b"A", b"f"), (b"1", b"B", b"f"))) == []


def test_deletes_outside_the_filter_touch_nothing() -> None:
    """A row known to be outside may be another's on the target; an unknown one is removed if it is there."""
    table = source(("id", INT), ("name", TEXT), ("vip", BOOL), identity=Identity.FULL)
    made = plan(table, where="vip")
    assert writes(made, (DELETE, (b"1", b"A", b"f"), None)) == []
    assert writes(made, (DELETE, (b"1", b"A", b"t"), None)) == [(REMOVE, (b"1",), None)]
    assert writes(plan(where="vip"), (DELETE, (b"1", UNSENT, UNSENT), None)) == [(REMOVE, (b"1",), None)]


def test_unsent_columns_stay_unsent() -> None:
    """A column that the log left out is UNSENT in the write, also behind a conversion."""
    into = target(column("id", INT, nullable=False), column("name", SHORT), column("vip", BOOL))
    assert writes(plan(into=into), (UPDATE, None, (b"1", UNSENT, b"f"))) == [(CHANGE, (b"1",), (b"1", UNSENT, b"f"))]


def test_unsent_columns_are_taken_from_the_old_row() -> None:
    """What the old row holds is known although the new one left it out."""
    old = (b"1", b"Ann", b"t")
    assert writes(plan(), (UPDATE, old, (b"1", UNSENT, b"f"))) == [(CHANGE, (b"1",), (b"1", b"Ann", b"f"))]


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"where": "name = 'x'"}, (UPDATE, None, (b"1", UNSENT, b"t"))),
        ({"columns": {"id": "id", "name": "name || vip::text"}}, (UPDATE, None, (b"1", UNSENT, b"t"))),
        ({}, (INSERT, None, (b"1", UNSENT, b"t"))),
    ],
)
def test_what_cannot_be_computed_asks_for_the_row(settings: dict[str, Any], change: Change) -> None:
    """A filter or an expression over a column that was not sent, and an insert without one, ask to read again."""
    found, rejections = mapped(plan(**settings), change)
    assert found == []
    assert [rejection.code for rejection in rejections] == [UNSENT_CODE]


def test_an_expression_without_any_sent_input_stays_unsent() -> None:
    """Nothing that it is made of changed."""
    made = plan(columns={"id": "id", "name": "UPPER(name)"})
    assert writes(made, (UPDATE, None, (b"1", UNSENT, b"t"))) == [(CHANGE, (b"1",), (b"1", UNSENT))]


def test_misfits_are_rejected_one_by_one() -> None:
    """Only the row that does not fit is left out, with column, code and reason."""
    into = target(column("id", INT, nullable=False), column("name", SHORT))
    found, rejections = mapped(
        plan(into=into), (INSERT, None, (b"1", b"long", b"t")), (INSERT, None, (b"2", b"abc", b"t"))
    )
    assert found == [(UPSERT, (b"2",), (b"2", b"abc"))]
    assert [(r.column, r.code, r.reason) for r in rejections] == [
        ("name", "too_long", "too long for character varying(3)")
    ]


def test_misfits_become_null_when_the_route_says_so() -> None:
    """`misfit: null` writes NULL where the column may be NULL, and rejects elsewhere."""
    nullable = target(column("id", INT, nullable=False), column("name", SHORT))
    assert writes(plan(into=nullable, misfit="null"), (INSERT, None, (b"1", b"long", b"t"))) == [
        (UPSERT, (b"1",), (b"1", None))
    ]
    required = target(column("id", INT, nullable=False), column("name", SHORT, nullable=False))
    _, rejections = mapped(plan(into=required, misfit="null"), (INSERT, None, (b"1", b"long", b"t")))
    assert [rejection.code for rejection in rejections] == ["too_long"]


def test_misfits_stop_when_the_route_says_so() -> None:
    """`misfit: stop` raises, and the error does not show the value."""
    into = target(column("id", INT, nullable=False), column("name", SHORT))
    with pytest.raises(ValueRefused) as error:
        mapped(plan(into=into, misfit="stop"), (INSERT, None, (b"1", b"secret", b"t")))
    assert "secret" not in error.value.render()


def test_errors_of_expressions_are_misfits() -> None:
    """A division by zero rejects the row."""
    _, rejections = mapped(plan(columns={"id": "id", "name": "(10 / (id - 1))::text"}), (INSERT, None, ROW))
    assert [(r.column, r.code, r.reason) for r in rejections] == [("name", "expression", "division by zero")]


def test_values_are_converted_for_the_target() -> None:
    """The target column's type decides the form."""
    into = target(column("id", INT, nullable=False), column("vip", Type(Kind.INTEGER, "tinyint(1)", precision=8)))
    assert writes(plan(into=into, engine="mysql"), (INSERT, None, ROW)) == [(UPSERT, (b"1",), (b"1", b"1"))]


def test_generated_columns_are_left_out() -> None:
    """Without `columns` a generated target column is not written; naming it is an error."""
    into = target(column("id", INT, nullable=False), column("name", TEXT, generated=True))
    assert [c.name for c in plan(into=into).binding.columns] == ["id"]
    with pytest.raises(TargetSchemaError):
        plan(into=into, columns={"id": "id", "name": "name"})


def test_mysql_tells_columns_apart_without_case() -> None:
    """A column of the same name in another case is the same where MySQL is involved."""
    into = target(column("ID", INT, nullable=False), column("Name", TEXT), key=("ID",))
    assert [c.name for c in plan(into=into, engine="mysql").binding.columns] == ["ID", "Name"]


def test_the_key_is_the_primary_key_or_a_usable_unique_key() -> None:
    """An unmapped primary key is replaced by a unique key of NOT NULL columns; without one the route cannot be."""
    into = target(
        column("no", INT, nullable=False, identity=True), column("id", INT, nullable=False), column("name", TEXT),
        key=("no",), unique=(("name",), ("id",)),
    )  # fmt: skip
    made = plan(into=into)
    assert [made.binding.columns[i].name for i in made.binding.key] == ["id"]
    with pytest.raises(TargetSchemaError):
        plan(into=target(*into.columns, key=("no",)))


def test_the_route_may_choose_the_key() -> None:
    """`key` wins over the primary key, and must be written by the route."""
    table = source(("id", INT), ("name", TEXT), ("vip", BOOL), identity=Identity.FULL)
    assert writes(plan(table, key=["name"]), (DELETE, ROW, None)) == [(REMOVE, (b"Ann",), None)]
    with pytest.raises(TargetSchemaError):
        plan(table, key=["nothing"])


def test_a_table_without_key_is_found_by_its_whole_row() -> None:
    """Every column is the key; the log must send all of it."""
    table = source(("id", INT), ("name", TEXT), ("vip", BOOL), key=(), identity=Identity.FULL)
    made = plan(table, target(*CUSTOMERS.columns, key=()))
    assert made.binding.keyless
    assert writes(made, (UPDATE, ROW, (b"1", b"B", b"t"))) == [(CHANGE, ROW, (b"1", b"B", b"t"))]
    with pytest.raises(LogUnusable):
        mapped(made, (DELETE, (b"1", UNSENT, b"t"), None))


def test_a_key_that_the_log_does_not_send_is_refused_at_once() -> None:
    """With key-only old rows the target cannot be identified by another column."""
    with pytest.raises(LogUnusable):
        plan(key=["name"])


def test_a_column_that_is_gone_stops_the_route() -> None:
    """An expression or a filter over a column that the log no longer has is ColumnGone."""
    with pytest.raises(ColumnGone):
        plan(columns={"id": "id", "name": "nickname"})
    with pytest.raises(ColumnGone):
        plan(where="deleted_at IS NULL")


def test_a_column_that_the_target_lacks_is_an_error() -> None:
    """Naming a target column that is not there is a TargetSchemaError."""
    with pytest.raises(TargetSchemaError):
        plan(columns={"id": "id", "nickname": "name"})


def test_types_that_do_not_convert_are_an_error() -> None:
    """Bytes have no form in a text column."""
    table = source(("id", INT), ("name", Type(Kind.BYTES, "bytea")), ("vip", BOOL))
    with pytest.raises(TargetSchemaError):
        plan(table)


def test_an_expression_that_cannot_be_compiled_is_an_error() -> None:
    """With the column's name and the place in the text."""
    with pytest.raises(ExpressionError) as error:
        plan(columns={"id": "id", "name": "frobnicate(name)"})
    assert "column name" in error.value.message
    assert "frobnicate(name)" in error.value.render()


def test_findings_name_what_will_be_refused() -> None:
    """A required column that the route does not write, and values that may not fit, are found before the start."""
    into = target(
        column("id", INT, nullable=False), column("name", SHORT), column("city", TEXT, nullable=False),
    )  # fmt: skip
    route = RouteSettings.model_validate({"from": "a.b", "to": "c.d"})
    found = {finding.column: finding for finding in findings(route, CONTACTS, into, Context())}
    assert found["city"].severe
    assert "too_long" in found["name"].message
    assert "no column on the target" in found["vip"].message
