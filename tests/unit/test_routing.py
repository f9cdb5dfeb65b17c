"""The router's plans: for which source table version and which description of a target they hold."""

from __future__ import annotations

import pytest

from cdc_agent.config.model import PipelineSettings
from cdc_agent.flow.routing import Engines, Held, Router
from cdc_agent.mapping.keys import KeysInForce
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.changes import INSERT, Column, Rows, Table, TableEvent, Transaction
from cdc_agent.model.remembered import Aspect, Memory, Remembered
from cdc_agent.model.tables import ForeignKey, TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type
from cdc_agent.model.writes import Provenance, Writes
from cdc_agent.schema.versions import Known, of_catalogue, of_source, to_text
from cdc_agent.schema.watch import Watch
from cdc_agent.schema.words import Words
from cdc_agent.sources.mysql.stream import statements
from cdc_agent.tables.base import logged

INT = Type(Kind.INTEGER, "integer", precision=32)
ITEMS = logged(("public", "items"), [Column("id", INT), Column("n", INT)], ["id"])


def target(*names: str) -> TargetTable:
    columns = tuple(TargetColumn(name, INT, nullable=True, has_default=False) for name in names)
    return TargetTable("crm", "items", columns, ("id",))


def test_rows_apart_from_the_log_are_mapped_to_the_target_as_it_is_described_now() -> None:
    """A plan is kept while the target is as it was; once the target has a further column, it is written."""
    described = [target("id")]
    settings = PipelineSettings.model_validate(
        {"source": "a", "target": "b", "tables": [{"from": "public.items", "to": "crm.items"}]}
    )
    routes = Routes(
        settings, source_engine="postgresql", source_default_schema="public", target_default_schema="public"
    )
    router = Router(
        routes, Engines("postgresql", "postgresql", "UTC", "UTC"), lambda schema, name: described[-1], lambda: None
    )

    def mapped() -> Writes:
        (writes,) = router.map_apart(ITEMS, [(INSERT, None, (b"1", b"2"))], Provenance()).segments
        assert isinstance(writes, Writes)
        return writes

    first = mapped()
    assert first.rows[0][2] == (b"1",)
    assert mapped().binding is first.binding
    described.append(target("id", "n"))
    assert mapped().rows[0][2] == (b"1", b"2")


class Speechless:
    """Nothing has to be spelled here."""

    def words(self, *about: object) -> Words:
        return Words((), "")


def test_what_is_mapped_again_before_a_change_hears_each_statement_once() -> None:
    """What stands before the change is mapped by the keys of its place, however far the first try had come."""
    items = target("id", "n")
    settings = PipelineSettings.model_validate(
        {"source": "a", "target": "b", "tables": [{"from": "app.items", "to": "crm.items"}]}
    )
    routes = Routes(settings, source_engine="mysql", source_default_schema="app", target_default_schema="crm")
    engines = Engines("mysql", "mysql", "UTC", "UTC")
    before = table(("id", "n"))
    known = to_text(Known(of_source(before), of_catalogue(items)))
    memory = Memory([Remembered(Aspect.TABLES, ("app", "items"), ("crm", "items"), known)])
    watch = Watch("there", settings, memory, engines.context, Speechless())
    keys = KeysInForce(
        (), lambda: [(("app", "items"), ForeignKey("old", ("n",), ("app", "up"), ("id",), *ACTS))], "all"
    )
    told: list[TableEvent] = []
    router = Router(routes, engines, lambda *name: items, lambda: None, keys, happened=told.append, watch=watch)
    text = (
        "ALTER TABLE items ADD more int, DROP FOREIGN KEY old, ADD FOREIGN KEY (n) REFERENCES up (id) ON DELETE CASCADE"
    )
    found = statements.read(text, "app")
    assert isinstance(found, statements.SchemaChange)
    first, second = Transaction([*found.events], 1, ()), Transaction([Rows(table(("id", "n", "more")), [b""])], 1, ())
    with pytest.raises(Held) as held:
        router.map([first, second], lambda *asked: None)
    assert held.value.transaction is second
    assert [key.name for _, key in keys.keys] == ["old"]
    router.map([first], lambda *asked: None)
    assert [key.name for _, key in keys.keys] == ["items_ibfk_1"]
    assert told == [*found.events]


ACTS = ("CASCADE", "NO ACTION")


def table(names: tuple[str, ...]) -> Table:
    return logged(("app", "items"), [Column(name, INT) for name in names], ["id"])
