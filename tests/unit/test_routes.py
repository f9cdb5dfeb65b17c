"""The routing table: which routes take a table, and where to."""

from __future__ import annotations

from typing import Any

import pytest

from cdc_agent.config.model import PipelineSettings
from cdc_agent.config.names import split_name
from cdc_agent.errors import ConfigError
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.changes import Alteration, EventKind, TableEvent


def routes(*tables: dict[str, Any]) -> Routes:
    settings = PipelineSettings.model_validate({"source": "a", "target": "b", "tables": list(tables)})
    return Routes(settings, source_engine="postgresql", source_default_schema="public", target_default_schema="crm")


def targets(table: Routes, schema: str, name: str) -> list[tuple[str, str]]:
    return [route.target for route in table.for_table((schema, name))]


def test_an_entry_takes_the_table_that_it_names() -> None:
    """`from: public.contacts` takes that table alone, to the table under `to`."""
    table = routes({"from": "public.contacts", "to": "crm.customers"})
    assert targets(table, "public", "contacts") == [("crm", "customers")]
    assert not table.wanted(("public", "calls"))
    assert not table.wanted(("other", "contacts"))


def test_names_without_schema_get_the_default() -> None:
    """A bare name is in the database's default schema."""
    table = routes({"from": "contacts", "to": "customers"})
    assert targets(table, "public", "contacts") == [("crm", "customers")]


def test_a_wildcard_takes_all_tables_of_a_schema() -> None:
    """`public.*` to `app.*` keeps each table's name."""
    table = routes({"from": "public.*", "to": "app.*"})
    assert targets(table, "public", "a") == [("app", "a")]
    assert targets(table, "other", "a") == []


def test_a_wildcard_keeps_the_part_that_it_stands_for() -> None:
    """`old_*` to `new_*` puts the matched part into the target's name."""
    table = routes({"from": "public.old_*", "to": "app.new_*"})
    assert targets(table, "public", "old_calls") == [("app", "new_calls")]
    assert targets(table, "public", "calls") == []


def test_named_entries_win_over_wildcards() -> None:
    """A table with an entry of its own is not taken by a wildcard as well."""
    table = routes({"from": "public.*", "to": "app.*"}, {"from": "public.calls", "to": "log.calls"})
    assert targets(table, "public", "calls") == [("log", "calls")]


def test_excluded_tables_are_left_out() -> None:
    """`exclude` takes patterns, with or without schema."""
    table = routes({"from": "public.*", "to": "app.*", "exclude": ["tmp_*", "public.secret"]})
    assert not table.wanted(("public", "tmp_1"))
    assert not table.wanted(("public", "secret"))
    assert table.wanted(("public", "calls"))


@pytest.mark.parametrize("schema", ["cdc_agent", "pg_catalog", "information_schema", "mysql", "sys"])
def test_wildcards_never_take_system_tables(schema: str) -> None:
    """`*.*` takes neither the agent's own tables nor the server's."""
    assert not routes({"from": "*.*", "to": "*.*"}).wanted((schema, "checkpoint"))


def test_one_table_may_go_to_several() -> None:
    """Two entries for one table are two routes, in the order of the file."""
    table = routes({"from": "public.a", "to": "x.a"}, {"from": "public.a", "to": "y.a"})
    assert targets(table, "public", "a") == [("x", "a"), ("y", "a")]


def test_existing_tables_expand_to_routes() -> None:
    """`expand` gives the routes of all tables that exist."""
    table = routes({"from": "public.*", "to": "app.*", "exclude": ["b"]})
    expanded = table.expand([("public", "a"), ("public", "b"), ("public", "c")])
    assert [(route.source, route.target) for route in expanded] == [
        (("public", "a"), ("app", "a")),
        (("public", "c"), ("app", "c")),
    ]


def test_wildcards_must_balance() -> None:
    """A `*` without its counterpart is an error of the configuration."""
    with pytest.raises(ConfigError):
        routes({"from": "public.*", "to": "app.all"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.b", ("a", "b")),
        ("b", ("d", "b")),
        ('"My.Schema"."t"', ("My.Schema", "t")),
        ("`x`.`y z`", ("x", "y z")),
        ('"a""b".c', ('a"b', "c")),
    ],
)
def test_names_may_be_quoted(written: str, meant: tuple[str, str]) -> None:
    """Parts with dots stand in double quotes or backticks."""
    assert split_name(written, "d") == meant


@pytest.mark.parametrize("written", ["", ".", "a.", ".a", "a.b.c", '"a'])
def test_what_is_no_name_is_refused(written: str) -> None:
    """Neither empty parts nor more than two."""
    with pytest.raises(ConfigError):
        split_name(written, "d")


def test_the_sources_that_share_a_target_are_known() -> None:
    """Entries that name a table count at once, tables under a wildcard once they were met."""
    table = routes(
        {"from": "a", "to": "both"},
        {"from": "b", "to": "both"},
        {"from": "c_*", "to": "d_*"},
        {"from": "e", "to": "d_x"},
    )
    (a,) = table.for_table(("public", "a"))
    (e,) = table.for_table(("public", "e"))
    assert table.others_into(a) == [("public", "b")]
    assert table.others_into(e) == []
    assert table.wanted(("public", "c_x"))
    assert table.others_into(e) == [("public", "c_x")]


T = ("crm", "contacts")


def crm(**settings: Any) -> Routes:
    entries = [{"from": "crm.*", "to": "app.*"}, {"from": "crm._named_old", "to": "app.named"}]
    document = {"source": "a", "target": "b", "tables": entries, **settings}
    model = PipelineSettings.model_validate(document)
    return Routes(model, source_engine="mysql", source_default_schema="crm", target_default_schema="app")


@pytest.mark.parametrize(
    "name", ["_contacts_gho", "_contacts_ghc", "_contacts_20260101000000_del", "__contacts_new", "_contacts_old"]
)
def test_wildcards_pass_over_the_tables_of_schema_change_tools(name: str) -> None:
    """Unless `shadow_tables` says otherwise; a route that names one takes it."""
    assert not crm().wanted(("crm", name))
    assert crm(shadow_tables=[]).wanted(("crm", name))
    assert targets(crm(), "crm", "_named_old") == [("app", "named")]


@pytest.mark.parametrize("shadow", ["_contacts_gho", "__contacts_new", "_conta_gho", "lhmn_contacts"])
@pytest.mark.parametrize("kind", [EventKind.REPLACED, EventKind.CREATED])
def test_a_shadow_that_takes_its_tables_name_is_an_alteration(shadow: str, kind: EventKind) -> None:
    """The tool has copied the rows; only columns and keys may be others. The old table's stepping aside is no event."""
    event = crm().as_altered(TableEvent(kind, T, ("crm", shadow)))
    assert event == TableEvent(EventKind.ALTERED, T, alterations=(Alteration("REPLACED BY", shadow),))
    assert crm().as_altered(TableEvent(EventKind.RENAMED, T, ("crm", shadow))) is None


@pytest.mark.parametrize("other", ["_calls_gho", "contacts_new", "_gho", None])
def test_another_table_that_takes_the_name_is_not(other: str | None) -> None:
    """Its rows are its own."""
    event = TableEvent(EventKind.REPLACED, T, other and ("crm", other))
    assert crm().as_altered(event) == event


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (TableEvent(EventKind.EMPTIED, T), "a partition's rows went"),
        (TableEvent(EventKind.EXCHANGED, T, ("crm", "u")), "from or to crm.u"),
        (TableEvent(EventKind.REPLACED, T), "another table has its name"),
        (TableEvent(EventKind.RENAMED, T, ("crm", "u")), "it is called crm.u now"),
        (TableEvent(EventKind.DROPPED, T), "it was dropped"),
        (TableEvent(EventKind.CREATED, T, ("crm", "u")), "it was called crm.u before"),
        (TableEvent(EventKind.CREATED, T, unlogged=("SQL",)), "its rows are not in the log: SQL"),
    ],
)
def test_an_event_says_why_the_target_differs_from_there_on(event: TableEvent, words: str) -> None:
    """Rows that came, went or were left behind without a trace in the log."""
    assert words in event.unlike


def test_new_and_altered_tables_do_not_differ() -> None:
    """What follows from a column is decided by who knows both tables."""
    assert not TableEvent(EventKind.CREATED, T).unlike
    assert not TableEvent(EventKind.ALTERED, T, alterations=(Alteration("ADD COLUMN", "a"),)).unlike
