"""How `init` pairs tables and columns by name and type."""

from __future__ import annotations

import pytest

from cdc_agent.config.load import read_text
from cdc_agent.conversions.convert import Context
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type
from cdc_agent.preflight import propose

ENGINES = Context(engine="mysql", source_engine="postgresql")
INTEGER = Type(Kind.INTEGER, "integer", precision=32)
TEXT = Type(Kind.TEXT, "character varying(100)", length=100)
INSTANT = Type(Kind.INSTANT, "timestamp with time zone", precision=6)
GEOMETRY = Type(Kind.GEOMETRY, "geometry")


def table(schema: str, name: str, required: str = "", /, **columns: Type) -> TargetTable:
    """A table whose first column is its key."""
    made = tuple(TargetColumn(column, type_, column != required, False) for column, type_ in columns.items())
    return TargetTable(schema, name, made, primary_key=(made[0].name,))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("contacts", ["contact"]),
        ("tblCustomerAddresses", ["customer", "address"]),
        ("customer_addresses", ["customer", "address"]),
        ("HTTPStatus", ["http", "status"]),
        ("companies", ["company"]),
        ("boxes", ["box"]),
        ("address2", ["address", "2"]),
        ("t", ["t"]),
        ("客户", ["客户"]),
    ],
)
def test_names_become_words(name: str, expected: list[str]) -> None:
    """Snake and camel case, plurals and prefixes that say nothing are the same name."""
    assert propose.words(name) == expected


def test_tables_are_paired_by_name_and_columns() -> None:
    """Plural and singular, snake and camel, and words that stand for one another find each other; strangers do not."""
    sources = [
        table("public", "contacts", id=INTEGER, full_name=TEXT, phone_number=TEXT),
        table("public", "calls", id=INTEGER, contact_id=INTEGER, started_at=INSTANT),
        table("public", "geo_cache", cell=TEXT, shape=GEOMETRY),
    ]
    targets = [
        table("crm", "tblCall", callId=INTEGER, contactId=INTEGER, startedAt=INSTANT),
        table("crm", "customer", customer_id=INTEGER, name=TEXT, phone=TEXT, vat_id=TEXT),
    ]
    pairs = propose.match_tables(sources, targets, ENGINES)
    assert [(pair.source.name, pair.target.name) for pair in pairs] == [("calls", "tblCall"), ("contacts", "customer")]
    calls, contacts = ({o.name: s.name for s, o in pair.columns} for pair in pairs)
    assert calls == {"callId": "id", "contactId": "contact_id", "startedAt": "started_at"}
    assert contacts["customer_id"] == "id"
    assert contacts["name"] == "full_name"


def test_types_that_cannot_be_converted_are_never_paired() -> None:
    """The same name is not enough."""
    source = table("public", "t", id=INTEGER, place=GEOMETRY)
    target = table("crm", "t", id=INTEGER, place=INTEGER)
    assert [s.name for s, _ in propose.match_columns(source, target, ENGINES)] == ["id"]


def test_the_proposal_is_a_configuration() -> None:
    """What `init` writes can be read by `check`, odd names included; what found no partner stands in comments."""
    source = table("public", "odd.name", **{"Id": INTEGER, "full name": TEXT, "left_over": TEXT})
    target = table("crm", "odd_names", "must", id=INTEGER, full_name=TEXT, must=INTEGER)
    pairs = propose.match_tables([source], [target], ENGINES)
    stranger = table("public", "lonely", id=INTEGER)
    urls = ("postgresql://u@h/phone", "mysql://u@h/crm")
    text = propose.configuration(("phone", "crm"), urls, pairs, [stranger])
    reading = read_text(text, "proposal.yaml", {"PHONE_PASSWORD": "a", "CRM_PASSWORD": "b"})
    assert reading.problems == ()
    assert reading.config is not None
    (route,) = reading.config.pipelines["phone-to-crm"].tables
    assert (route.from_, route.to) == ('public."odd.name"', "crm.odd_names")
    assert route.columns == {"id": "Id", "full_name": '"full name"'}
    assert "# must: ?  # integer, NOT NULL without a default" in text
    assert "# not copied from the source: left_over" in text
    assert "# public.lonely: no target table is like it" in text


def proposed(pairs: list[propose.Pair], strangers: list[TargetTable]) -> str:
    urls = ("postgresql://u@h/phone", "mysql://u@h/crm")
    return propose.configuration(("phone", "crm"), urls, pairs, strangers, engines=ENGINES, schemas=("public", "crm"))


def routes(text: str) -> list[tuple[str, str]]:
    """The routes of a proposal, which must be a configuration without problems."""
    reading = read_text(text, "proposal.yaml", {"PHONE_PASSWORD": "a", "CRM_PASSWORD": "b"})
    assert reading.problems == ()
    assert reading.config is not None
    return [(route.from_, route.to) for route in reading.config.pipelines["phone-to-crm"].tables]


def test_names_that_match_exactly_win() -> None:
    """`contact` and `contacts` are two tables on both sides, and `id` and `ident` two columns."""
    names = ("contacts", "contact", "person")
    sources = [table("public", name, ident=INTEGER, id=INTEGER) for name in names]
    targets = [table("crm", name, id=INTEGER, ident=INTEGER) for name in reversed(names)]
    pairs = propose.match_tables(sources, targets, ENGINES)
    assert sorted((pair.source.name, pair.target.name) for pair in pairs) == sorted((name, name) for name in names)
    assert {(one.name, other.name) for pair in pairs for one, other in pair.columns} == {
        ("id", "id"),
        ("ident", "ident"),
    }


def test_tables_of_the_same_names_stand_under_one_wildcard() -> None:
    """What differs has a route of its own, which wins; what has no partner is excluded."""
    names = [f"t{number}" for number in range(158)]
    sources = [table("public", name, id=INTEGER, name=TEXT) for name in names]
    targets = [table("crm", name, id=INTEGER, name=TEXT, more=TEXT) for name in names]
    odd, renamed = table("public", "odd", id=INTEGER, at=INSTANT), table("crm", "odd", id=INTEGER, happened_at=INSTANT)
    lonely = table("public", "geo cache", cell=TEXT, shape=GEOMETRY)
    pairs = propose.match_tables([*sources, odd, lonely], [*targets, renamed], ENGINES)
    text = proposed(pairs, [lonely])
    assert routes(text) == [("public.*", "crm.*"), ("public.odd", "crm.odd")]
    assert """- '"geo cache"'""" in text
    assert "# t0: nothing for more" in text


def test_an_empty_target_gives_a_file_that_loads() -> None:
    """All tables under their own names, to be made by `setup --create-tables`."""
    text = proposed([], [table("public", "calls", id=INTEGER), table("archive", "calls", id=INTEGER)])
    assert routes(text) == [("public.*", "crm.*"), ("archive.*", "crm.*")]
    assert "setup -c FILE --create-tables" in text
    assert routes(proposed([], [])) == [("public.*", "crm.*")]


def test_a_moment_that_loses_digits_is_cut_in_the_mapping() -> None:
    """Every row with a fraction of a second would be quarantined otherwise."""
    whole = Type(Kind.TIMESTAMP, "datetime", precision=0)
    milli = Type(Kind.TIMESTAMP, "datetime(3)", precision=3)
    source = table("public", "calls", id=INTEGER, started=INSTANT, ended=INSTANT)
    target = table("crm", "calls", id=INTEGER, started=whole, ended=milli)
    text = proposed(propose.match_tables([source], [target], ENGINES), [])
    assert "started: 'DATE_TRUNC(''second'', started)'" in text
    assert "ended: 'DATE_TRUNC(''milliseconds'', ended)'" in text
    assert routes(text) == [("public.calls", "crm.calls")]
    back = Context(engine="postgresql", source_engine="mysql")
    six = TargetColumn("at", Type(Kind.TIMESTAMP, "datetime(6)", precision=6), True, False)
    none = TargetColumn("at", Type(Kind.TIMESTAMP, "timestamp(0)", precision=0), True, False)
    assert propose.rounding(six, none, back) == "CAST(at AS DATETIME)"
    assert propose.rounding(none, six, back) == ""


@pytest.mark.parametrize("text", ["plain", "true", "a: b", "it's", "#x", "1", "", 'a"b', "客户", "- x"])
def test_scalars_read_back_as_they_were(text: str) -> None:
    """Every name survives its way through YAML."""
    from ruamel.yaml import YAML

    assert YAML(typ="safe").load(f"key: {propose.scalar(text)}\n") == {"key": text}
