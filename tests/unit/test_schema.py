"""What a change of a schema means for a route: versions as text, their differences, and the decision by policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc_agent.config.model import PipelineSettings, RouteSettings
from cdc_agent.conversions.base import Context
from cdc_agent.errors import SourceChanged, TargetLost, TargetTableMissing
from cdc_agent.mapping.routes import Route
from cdc_agent.model.changes import Alteration, EventKind, Identity, Table, TableEvent
from cdc_agent.model.changes import Column as Logged
from cdc_agent.model.remembered import Aspect, Condition, Memory, Remembered, TableState
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type
from cdc_agent.schema.decision import (
    AddColumn,
    ChangeColumn,
    DropColumn,
    Judged,
    Problem,
    Remedy,
    RenameColumn,
    problems,
)
from cdc_agent.schema.versions import Column, Known, Version, of_text, to_text
from cdc_agent.schema.watch import Follow, GoOn, Stop, Watch
from cdc_agent.schema.words import Words

INT = Type(Kind.INTEGER, "integer", precision=32)
BIGINT = Type(Kind.INTEGER, "bigint", precision=64)
TEXT = Type(Kind.TEXT, "text")


def varchar(length: int) -> Type:
    return Type(Kind.TEXT, f"character varying({length})", length=length)


def version(*columns: Column, key: tuple[str, ...] = ("id",)) -> Version:
    return Version(tuple(columns), key)


ID = Column("id", INT, nullable=False, number=1)
NAME = Column("name", varchar(20), number=2)
PHONE = Column("phone", varchar(20), number=3)
BOTH = version(ID, NAME)


def judged(known: Known, source: Version, target: Version, **settings: Any) -> list[Problem]:
    route = RouteSettings.model_validate({"from": "app.t", "to": "crm.t", **settings})
    now = Known(source, target)
    return problems(Judged(route, ("app", "t"), ("crm", "t"), known, now, Context()))


def remedies(*args: Any, **settings: Any) -> list[tuple[Remedy | None, bool]]:
    return [(problem.remedy, problem.followed) for problem in judged(*args, **settings)]


KNOWN = Known(BOTH, BOTH)


def test_a_new_column_is_a_problem_only_where_the_target_lacks_it() -> None:
    """And never where the route names its columns."""
    more = version(ID, NAME, PHONE)
    assert remedies(KNOWN, more, BOTH) == [(AddColumn("phone", PHONE), True)]
    assert remedies(KNOWN, more, more) == []
    assert remedies(KNOWN, more, BOTH, columns={"id": "id", "name": "name"}) == []
    assert remedies(Known(more, BOTH), more, BOTH) == []


def test_a_dropped_column_leaves_a_stale_one() -> None:
    """Unless the target has dropped it as well, or never had it."""
    less = version(ID)
    assert remedies(KNOWN, less, BOTH) == [(DropColumn("name"), False)]
    assert remedies(KNOWN, less, less) == []
    assert remedies(Known(BOTH, less), less, less) == []


def test_a_rename_is_followed_where_it_is_told() -> None:
    """By the column's number or by the log; otherwise it is a column dropped and one added, and nothing is followed."""
    renamed = version(ID, replace(NAME, name="full_name"))
    assert remedies(KNOWN, renamed, BOTH) == [(RenameColumn("name", "full_name"), True)]
    assert remedies(KNOWN, renamed, renamed) == []
    unnumbered = version(ID, Column("full_name", varchar(20)))
    assert [followed for _, followed in remedies(KNOWN, unnumbered, BOTH)] == [True, False]
    told = replace(KNOWN, renamed=(("name", "other"), ("other", "full_name")))
    assert remedies(told, unnumbered, BOTH) == [(RenameColumn("name", "full_name"), True)]
    both = version(ID, NAME, replace(NAME, name="full_name", number=3))
    assert remedies(KNOWN, renamed, both) == [(DropColumn("name"), False)]


def test_a_wider_type_is_followed_and_a_narrower_one_never() -> None:
    """Nothing is to be done where the target takes what comes, and every value is what it was."""
    wide, narrow = (version(ID, replace(NAME, type=varchar(size))) for size in (40, 10))
    roomy = version(ID, replace(NAME, type=TEXT))
    changed = ChangeColumn("name", wide.columns[1])
    assert remedies(KNOWN, wide, BOTH) == [(changed, True)]
    assert remedies(KNOWN, wide, wide) == []
    assert remedies(Known(BOTH, roomy), wide, roomy) == []
    assert remedies(KNOWN, narrow, BOTH) == [(ChangeColumn("name", narrow.columns[1]), False)]
    assert remedies(KNOWN, narrow, narrow) == []
    rewritten = version(ID, replace(NAME, type=INT))
    assert remedies(Known(BOTH, roomy), rewritten, roomy) == [(ChangeColumn("name", rewritten.columns[1]), False)]


def test_a_type_behind_an_expression_stops() -> None:
    """What is computed from a column whose values may have changed cannot be told."""
    columns = {"id": "id", "name": "UPPER(name)"}
    wide = version(ID, replace(NAME, type=varchar(40)))
    assert remedies(KNOWN, wide, BOTH, columns=columns) == []
    narrow = version(ID, replace(NAME, type=varchar(10)))
    assert remedies(KNOWN, narrow, BOTH, columns=columns) == [(None, False)]


def test_a_column_that_may_be_null_now_is_loosened() -> None:
    """Where its target may not be NULL, which is followed unless it is a key."""
    strict = replace(NAME, nullable=False)
    known = Known(version(ID, strict), version(ID, strict))
    assert remedies(known, BOTH, known.target) == [(ChangeColumn("name", NAME), True)]
    assert remedies(known, BOTH, BOTH) == []


def test_what_the_target_has_lost_is_told_as_its_loss() -> None:
    """A column that was written and is gone or generated; the order of columns is nothing."""
    (lost,) = judged(KNOWN, BOTH, version(ID))
    assert (lost.lost, lost.remedy) == (True, AddColumn("name", NAME))
    (generated,) = judged(KNOWN, BOTH, version(ID, replace(NAME, generated=True)))
    assert (generated.lost, generated.remedy) == (True, None)
    assert judged(KNOWN, version(NAME, ID), version(NAME, ID)) == []
    columns = {"id": "id", "name": "UPPER(name)"}
    assert [one.lost for one in judged(KNOWN, BOTH, version(ID), columns=columns)] == [True]


def test_a_key_that_the_targets_no_longer_holds_stops() -> None:
    """Two rows of the source could become one."""
    rekeyed = version(ID, NAME, key=("id", "name"))
    (problem,) = judged(KNOWN, rekeyed, BOTH)
    assert "was (id) and is (id, name)" in problem.text
    assert judged(KNOWN, rekeyed, rekeyed) == []


def test_a_source_known_from_its_catalogue_is_compared_by_names_alone() -> None:
    """The log spells types otherwise."""
    other = version(ID, replace(NAME, type=TEXT))
    assert judged(replace(KNOWN, logged=False), other, BOTH) == []


types = st.recursive(
    st.builds(
        Type,
        st.sampled_from(Kind),
        st.text(max_size=8),
        length=st.none() | st.integers(0, 99),
        unsigned=st.booleans(),
        labels=st.lists(st.text(max_size=3), max_size=2).map(tuple),
        charset=st.none() | st.just("latin1"),
    ),
    lambda inner: st.builds(
        Type,
        st.just(Kind.ARRAY),
        st.text(max_size=8),
        element=inner,
        fields=st.lists(st.tuples(st.text(max_size=3), inner), max_size=2).map(tuple),
    ),
    max_leaves=3,
)
columns = st.builds(Column, st.text(max_size=8), types, st.booleans(), st.booleans(), st.integers(0, 9))
versions = st.builds(
    Version, st.lists(columns, max_size=3).map(tuple), st.lists(st.text(max_size=3), max_size=2).map(tuple)
)


@given(st.builds(Known, versions, versions, st.booleans(), st.just((("a", "b"),)) | st.just(())))
def test_a_version_is_what_its_text_says(known: Known) -> None:
    """Whatever is remembered reads back as it was."""
    assert of_text(to_text(known)) == known


# --- what a session says ---------------------------------------------------------------------------------------------


class Speaking:
    """Says every remedy."""

    def __init__(self, unlike: str = "") -> None:
        self.unlike = unlike

    def words(self, route: Route, source: Version, remedy: Remedy | None) -> Words:
        return Words((f"mend {type(remedy).__name__}",) if remedy else (), unlike=self.unlike)


def logged(*columns: Column) -> Table:
    made = tuple(Logged(one.name, one.type, one.nullable, number=one.number) for one in columns)
    return Table("app", "t", made, (0,), Identity.FULL, decode=lambda messages: [])


def target(*columns: Column) -> TargetTable:
    made = tuple(TargetColumn(one.name, one.type, one.nullable, has_default=False) for one in columns)
    return TargetTable("crm", "t", made, ("id",))


def pipeline(policy: str, **route: Any) -> PipelineSettings:
    tables = [{"from": "app.t", "to": "crm.t", **route}]
    return PipelineSettings.model_validate({"source": "a", "target": "b", "tables": tables, "schema_changes": policy})


def watching(policy: str, memory: Memory | None = None, unlike: str = "", **route: Any) -> tuple[Watch, Route]:
    settings = pipeline(policy, **route)
    remembered = memory or Memory([Remembered(Aspect.TABLES, ("app", "t"), ("crm", "t"), to_text(KNOWN_NOW))])
    watch = Watch("there", settings, remembered, lambda _: Context(), Speaking(unlike))
    return watch, Route(settings.tables[0], ("app", "t"), ("crm", "t"))


UNNUMBERED = version(*(replace(one, number=0) for one in BOTH.columns))
KNOWN_NOW = Known(BOTH, UNNUMBERED)
MORE = logged(ID, NAME, PHONE)
OLD = target(ID, NAME)


def test_what_is_known_goes_on_without_a_word() -> None:
    """A version that the store knows is taken, and nothing is written."""
    watch, route = watching("stop")
    assert watch.judge(route, logged(ID, NAME), OLD) == GoOn([])


def test_stop_names_the_column_and_the_statement_and_says_so_once() -> None:
    """What waits is noted with what `accept` would take; a later session has nothing to note."""
    watch, route = watching("stop")
    stop = watch.judge(route, MORE, OLD)
    assert isinstance(stop, Stop)
    assert isinstance(stop.error, SourceChanged)
    assert "app.t has a new column phone, which crm.t lacks" in stop.error.message
    assert stop.error.details == ("mend AddColumn;",)
    (state,) = stop.notes
    assert isinstance(state, TableState)
    assert (state.condition, state.code) == (Condition.WAITING, "SC001")
    known = [Remembered(Aspect.TABLES, route.source, route.target, to_text(KNOWN_NOW))]
    again, _ = watching("stop", Memory(known, [replace(state, since="2026-01-01")]))
    found = again.judge(route, MORE, OLD)
    assert isinstance(found, Stop)
    assert found.notes == ()
    accepted = [replace(known[0], description=state.pending)]
    settled, _ = watching("stop", Memory(accepted, [state]))
    done = settled.judge(route, MORE, OLD)
    assert isinstance(done, GoOn)
    assert [note.condition for note in done.notes if isinstance(note, TableState)] == [Condition.STREAMING]


def test_follow_changes_the_target_once() -> None:
    """The intent is noted first; what is still wrong after it stops."""
    watch, route = watching("follow")
    follow = watch.judge(route, MORE, OLD)
    assert isinstance(follow, Follow)
    assert follow.statements == ("mend AddColumn",)
    assert [note.condition for note in follow.notes if isinstance(note, TableState)] == [Condition.ALTERING]
    assert isinstance(watch.judge(route, MORE, OLD), Stop)
    done = watch.judge(route, MORE, target(ID, NAME, PHONE))
    assert isinstance(done, GoOn)
    assert [note.condition for note in done.notes if isinstance(note, TableState)] == [Condition.STREAMING]


def test_what_a_followed_change_cannot_bring_about_marks_the_table() -> None:
    """Rows that were there hold values that no log has; the table differs, also after a restart in between."""
    watch, route = watching("follow", unlike="older rows hold a value")
    follow = watch.judge(route, MORE, OLD)
    assert isinstance(follow, Follow)
    (intent,) = follow.notes
    assert isinstance(intent, TableState)
    known = [Remembered(Aspect.TABLES, route.source, route.target, to_text(KNOWN_NOW))]
    later, _ = watching("follow", Memory(known, [intent]))
    done = later.judge(route, MORE, target(ID, NAME, PHONE))
    assert isinstance(done, GoOn)
    states = [note for note in done.notes if isinstance(note, TableState)]
    assert [(one.condition, one.reason) for one in states] == [(Condition.DIFFERING, "older rows hold a value")]


def test_a_drop_is_not_followed() -> None:
    """A routes's own policy wins over the pipeline's."""
    watch, route = watching("stop", schema_changes="follow")
    assert isinstance(watch.judge(route, logged(ID), OLD), Stop)
    assert isinstance(watch.judge(route, MORE, OLD), Follow)


def test_warn_goes_on_and_marks_the_table_once() -> None:
    """The version is known from then on."""
    watch, route = watching("warn")
    found = watch.judge(route, MORE, OLD)
    assert isinstance(found, GoOn)
    known, state = found.notes
    assert isinstance(known, Remembered)
    assert isinstance(state, TableState)
    assert (state.condition, state.code) == (Condition.DIFFERING, "SC001")
    later, _ = watching("warn", Memory([known], [state]))
    assert later.judge(route, MORE, OLD) == GoOn([])


@pytest.mark.parametrize("policy", ["stop", "follow"])
def test_what_the_target_loses_stops_whatever_the_policy(policy: str) -> None:
    """SC002 for a column, SC003 for the table; the agent adds again nothing that somebody took away."""
    watch, route = watching(policy)
    for found, error in ((target(ID), TargetLost), (None, TargetTableMissing)):
        stop = watch.judge(route, logged(ID, NAME), found)
        assert isinstance(stop, Stop)
        assert type(stop.error) is error


def test_every_route_of_a_table_is_judged_by_what_was_known_before() -> None:
    """A route that passes hides nothing from another one between the same tables."""
    watch, route = watching("stop")
    named = Route(route.settings.model_copy(update={"columns": {"id": "id"}}), route.source, route.target)
    first = watch.judge(named, MORE, OLD)
    assert isinstance(first, GoOn)
    assert isinstance(watch.judge(route, MORE, OLD), Stop)
    watch.take(first.notes)
    assert watch.judge(route, MORE, OLD) == GoOn([])


def test_a_new_table_under_a_wildcard_is_created_or_waited_for() -> None:
    """One that a route names and that never was is an error of the configuration, which binding tells."""
    none = Memory()
    watch, route = watching("follow", none, **{"from": "app.*", "to": "crm.*"})
    found = watch.judge(route, MORE, None)
    assert isinstance(found, Follow)
    assert found.statements == ("mend CreateTable",)
    watch, route = watching("warn", none, **{"from": "app.*", "to": "crm.*"})
    passed = watch.judge(route, MORE, None)
    assert isinstance(passed, GoOn)
    assert passed.passed_over
    watch, route = watching("stop", none)
    assert watch.judge(route, MORE, None) == GoOn()
    assert isinstance(watch.judge(route, MORE, OLD), Stop)


def test_a_name_that_the_catalogue_has_forgotten_keeps_its_number() -> None:
    """A log that is read late names columns that were renamed since; the rename behind it is told all the same."""
    watch, route = watching("follow")
    late = logged(ID, replace(NAME, number=0))
    assert watch.judge(route, late, OLD) == GoOn([])
    renamed = watch.judge(route, logged(ID, replace(NAME, name="full_name")), OLD)
    assert isinstance(renamed, Follow)
    assert renamed.statements == ("mend RenameColumn",)


def test_a_rename_that_the_log_tells_is_remembered() -> None:
    """A restart may lie between the statement and the first row behind it."""
    watch, route = watching("follow")
    event = TableEvent(EventKind.ALTERED, ("app", "t"), alterations=(Alteration("CHANGE COLUMN", "name", "full_name"),))
    (note,) = watch.happened(event, [route])
    assert isinstance(note, Remembered)
    later, _ = watching("follow", Memory([note]))
    found = later.judge(route, logged(ID, Column("full_name", varchar(20))), OLD)
    assert isinstance(found, Follow)
    assert found.statements == ("mend RenameColumn",)


@pytest.mark.parametrize("kind", [EventKind.EMPTIED, EventKind.EXCHANGED, EventKind.DROPPED])
def test_rows_that_go_without_a_trace_mark_the_table(kind: EventKind) -> None:
    """The stream goes on, and the table differs until somebody says that it no longer does."""
    watch, route = watching("stop")
    event = TableEvent(kind, ("app", "t"), other=("app", "u"))
    (note,) = watch.happened(event, [route])
    assert isinstance(note, TableState)
    assert (note.condition, note.reason) == (Condition.DIFFERING, event.unlike)
