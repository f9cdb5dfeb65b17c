"""The router's plans: for which source table version and which description of a target they hold."""

from __future__ import annotations

from cdc_agent.config.model import PipelineSettings
from cdc_agent.flow.routing import Engines, Router
from cdc_agent.mapping.routes import Routes
from cdc_agent.model.changes import INSERT, Column
from cdc_agent.model.tables import TargetColumn, TargetTable
from cdc_agent.model.values import Kind, Type
from cdc_agent.model.writes import Provenance, Writes
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
